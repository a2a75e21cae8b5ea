import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type BrowserContext, chromium, type Locator, type Page } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';

/** Nothing but the pages that a test opens; no request of its own. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How long anything may take until it is seen: long, since a loaded machine is slow and a good one never waits. */
const PATIENCE_MS = 30_000;

export interface BrowserOptions {
  readonly dark?: boolean;
  readonly size?: { readonly width: number; readonly height: number };
}

/** A real Chromium with a fresh profile. */
export class Browser {
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext) {
    this.#context = context;
  }

  /** Starts it, and ends it with the test. */
  static async start(t: TestContext, options: BrowserOptions = {}): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'parallel-workers-chromium-'));
    let context: BrowserContext | undefined;
    t.after(async () => {
      await context?.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    });
    context = await chromium.launchPersistentContext(profile, {
      executablePath: EXECUTABLE,
      args: ARGS,
      headless: true,
      viewport: options.size ?? { width: 1280, height: 860 },
      colorScheme: options.dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
      timezoneId: 'UTC',
      timeout: 2 * PATIENCE_MS,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    return new Browser(context);
  }

  /** Opens the address in a tab of its own, which closes with the test. */
  async open(t: TestContext, url: string): Promise<Tab> {
    const page = await this.#context.newPage();
    t.after(() => page.close());
    const tab = new Tab(page, new URL(url).origin);
    await page.goto(url);
    return tab;
  }
}

/** A tab, and what it has done that it must not. */
export class Tab {
  readonly page: Page;
  /** Errors and warnings in the console, violations of the policy among them, exceptions, requests to others. */
  readonly #complaints: string[] = [];

  constructor(page: Page, origin: string) {
    this.page = page;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.#complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.#complaints.push(String(error)));
    page.on('request', (request) => {
      if (new URL(request.url()).origin !== origin) this.#complaints.push(`a request to ${request.url()}`);
    });
  }

  /** Fails with whatever is wrong. */
  assertQuiet(): void {
    assert.deepEqual(this.#complaints, []);
  }

  /** The same; that requests failed, or were refused, was meant. */
  assertQuietBut(expected: RegExp): void {
    assert.deepEqual(
      this.#complaints.filter((text) => !expected.test(text)),
      [],
    );
  }

  /** The row of a group in the list. */
  row(name: string): Locator {
    return this.page.getByRole('row').filter({ has: this.page.getByRole('link', { name, exact: true }) });
  }

  /** Waits until the group is in that state: on its own page, or in its row of the list. */
  async sees(state: string, where: Locator = this.page.locator('article > .title')): Promise<void> {
    await where.locator('.state', { hasText: new RegExp(`${state}$`) }).waitFor();
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }
}
