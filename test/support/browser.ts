import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

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
  readonly reducedMotion?: boolean;
}

/** A real Chromium with a fresh profile, and what its pages have done that they must not. */
export class Browser {
  readonly context: BrowserContext;
  /** Errors in the console, exceptions, violations of the policy. */
  readonly complaints: string[] = [];
  /** Origins that were asked for anything. */
  readonly origins = new Set<string>();

  private constructor(context: BrowserContext) {
    this.context = context;
    context.on('request', (request) => this.origins.add(new URL(request.url()).origin));
    context.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text());
    });
    context.on('weberror', (error) => this.complaints.push(String(error.error())));
  }

  /** Starts it, and ends it with the test. */
  static async start(t: TestContext, options: BrowserOptions = {}): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'parallel-workers-chromium-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: EXECUTABLE,
      args: ARGS,
      headless: true,
      viewport: options.size ?? { width: 1280, height: 860 },
      colorScheme: options.dark ? 'dark' : 'light',
      reducedMotion: options.reducedMotion === false ? 'no-preference' : 'reduce',
      timezoneId: 'UTC',
    });
    context.setDefaultTimeout(PATIENCE_MS);
    t.after(async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    });
    return new Browser(context);
  }

  /** A page of its own tab. */
  async open(url: string): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(url);
    return page;
  }
}
