import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Locator } from 'playwright-core';
import { Browser } from '../support/browser.js';
import { requires } from '../support/requires.js';
import { startService, until } from '../support/service.js';

/** Waits until the attribute or text is another. */
async function changes(what: string, read: () => Promise<string | null>): Promise<void> {
  const before = await read();
  await until(
    `${what} to change from "${before}"`,
    async () => ((await read()) === before ? undefined : true),
    30,
  );
}

/** What of the browser is needed to look at a plot: its types are not here. */
declare class OffscreenCanvas {
  constructor(width: number, height: number);
  getContext(
    kind: '2d',
    options: { willReadFrequently: boolean },
  ): {
    drawImage(source: unknown, x: number, y: number): void;
    getImageData(...box: number[]): { data: Uint8ClampedArray };
  };
}

/** Which pixels of a plot are of its line; null where there is none. Runs in the browser. */
function drawnLine(canvas: unknown): string | null {
  const { width, height } = canvas as { width: number; height: number };
  // Of a copy: to read the canvas itself would make it a slow one.
  const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, width, height);
  const pixels: number[] = [];
  for (let i = 0; i < data.length; i += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = data.slice(i, i + 4);
    // It is green; axes and grid are grey.
    if (alpha > 200 && green > red + 40 && green > blue + 10) pixels.push(i / 4);
  }
  return pixels.length < 20 ? null : pixels.join(' ');
}

/** The number that a term of the page's facts has. */
async function fact(group: Locator, name: string): Promise<number> {
  const text = await group.locator('.facts div', { hasText: name }).locator('dd').textContent();
  return Number(String(text).replaceAll(/[^\d.]/g, ''));
}

async function above(least: number, group: Locator, name: string): Promise<number> {
  return until(
    `${name} to be above ${least}`,
    async () => {
      const value = await fact(group, name);
      return value > least ? value : undefined;
    },
    30,
  );
}

test('the dashboard in a browser', requires('chromium'), async (t: TestContext) => {
  const service = await startService(t);
  const browser = await Browser.start(t);

  await t.test('without groups it says how to register one, and shows it when that is done', async (t) => {
    const tab = await browser.open(t, `${service.url}/`);
    await tab.page.getByRole('heading', { name: 'No groups yet' }).waitFor();
    const command = await tab.page.locator('pre').textContent();
    assert.match(String(command), new RegExp(`curl -sS ${service.url}/v1/groups .*"name": "train"`, 's'));
    await service.register({ name: 'first', module: 'millisecond.mjs' });
    await tab.sees('registered', tab.row('first'));
    await tab.row('first').getByText('desired stopped').waitFor();
    tab.assertQuiet();
  });

  await t.test('a group is registered, started, watched, scaled, stopped and deleted', async (t) => {
    const tab = await browser.open(t, `${service.url}/`);
    const { page } = tab;
    await tab.button('Register a group').click();
    const dialog = page.getByRole('dialog', { name: 'Register a group' });
    await dialog.getByLabel('Name').fill('busy');
    await dialog.getByLabel('Module').fill('feeds.mjs');
    await dialog.getByLabel('Workers').fill('many');
    await dialog.getByLabel('Further fields').fill('{"feed": {"capacity": 0}, "colour": "blue"}');
    await dialog.getByRole('button', { name: 'Register' }).click();
    const field = (label: string) => dialog.locator('.field').filter({ has: page.getByLabel(label) });
    assert.match(String(await field('Workers').locator('.error').textContent()), /integer/);
    assert.match(
      String(await field('Further fields').locator('.error').textContent()),
      /\/colour .*; \/feed\/capacity /,
    );
    assert.equal(await field('Name').locator('.error').count(), 0);
    assert.equal(await dialog.getByLabel('Workers').getAttribute('aria-invalid'), 'true');
    await dialog.locator('input[aria-invalid=true]:focus').waitFor();

    await dialog.getByLabel('Workers').fill('2');
    await dialog.getByLabel('Further fields').fill('{"feed": {"capacity": 5}}');
    await dialog.getByLabel('Module').fill('nowhere.mjs');
    await dialog.getByRole('button', { name: 'Register' }).click();
    await field('Module').getByText('nowhere.mjs').waitFor();
    await dialog.getByLabel('Module').fill('feeds.mjs');
    await dialog.getByRole('button', { name: 'Register' }).click();
    await page.getByRole('heading', { name: 'busy' }).waitFor();
    assert.equal(new URL(page.url()).hash, '#/groups/busy');
    await tab.sees('registered');

    await tab.button('Start busy').click();
    await tab.sees('running');
    const group = page.getByRole('article', { name: 'busy' });
    await group.getByText('5/5').first().waitFor();
    assert.deepEqual(
      await group.getByRole('row').getByRole('rowheader').allTextContents(),
      (await service.status('busy')).workers.map(({ id }: { id: number }) => String(id)),
    );
    // The trainer takes, so workers go on.
    const before = await fact(group, 'Iterations');
    for (let i = 0; i < 20; i++) await service.call('POST', '/v1/groups/busy/feed/take');
    await above(before, group, 'Iterations');
    await above(19, group, 'Items taken');

    await tab.button('Scale … busy').click();
    const scale = page.getByRole('dialog', { name: 'Scale busy' });
    await scale.getByLabel('Workers').fill('1000');
    await tab.button('Scale').click();
    await scale.getByRole('alert').getByText('must be at most 64').waitFor();
    await scale.getByLabel('Workers').fill('3');
    await tab.button('Scale').click();
    await group.getByText('3/3').waitFor();

    await tab.button('Stop busy').click();
    await tab.sees('stopped');
    await tab.button('Delete … busy').click();
    await page.getByRole('dialog', { name: 'Delete busy?' }).getByRole('button', { name: 'Keep it' }).click();
    assert.equal((await service.status('busy')).state, 'stopped');
    await tab.button('Delete … busy').click();
    await tab.button('Delete busy').click();
    await tab.row('first').waitFor();
    await tab.row('busy').waitFor({ state: 'detached' });
    assert.equal((await service.call('GET', '/v1/groups/busy')).status, 404);
    // Refused twice, and the log may be asked for once more when the group is gone.
    tab.assertQuietBut(/status of (400|404|422)/);
  });

  await t.test('plots move, in the list and on the page of a group', async (t) => {
    await service.register({ name: 'moving', module: 'millisecond.mjs' });
    await service.start('moving');
    const tab = await browser.open(t, `${service.url}/`);
    const row = tab.row('moving');
    const path = row.locator('path').first();
    await changes('the line', () => path.getAttribute('d'));
    await row.getByText(/^p99 [\d.]+ (µs|ms)$/).waitFor();
    await row.getByRole('link').click();
    const plot = tab.page.getByRole('img', { name: /^Iterations per second.* Now: \d/ });
    await changes('the line in the plot', () => plot.locator('canvas').evaluate(drawnLine));
    await tab.page
      .getByRole('img', { name: /^Worker time.* Now: median [\d.]+ (µs|ms|s), p99 [\d.]+/ })
      .waitFor();
    const group = tab.page.getByRole('article', { name: 'moving' });
    await above(await fact(group, 'Iterations'), group, 'Iterations');
    assert.ok((await fact(group, 'Memory')) > 10);

    await tab.page.goBack();
    await row.waitFor();
    await service.stop('moving');
    tab.assertQuiet();
  });

  await t.test('a group that fails: its reason, its events, its log', async (t) => {
    const params = { index: 0, at: 3 };
    await service.register({ name: 'broken', module: 'throws.mjs', workers: 1, params });
    const tab = await browser.open(t, `${service.url}/`);
    await tab.button('Start broken').click();
    const row = tab.row('broken');
    await tab.sees('failed', row);
    await row.getByText(/Exception in worker \d+: bad record/).waitFor();
    const events = tab.page.getByRole('region', { name: 'Events' });
    await events.getByText('failed', { exact: true }).waitFor();
    assert.equal(await events.getByText('bad record').count(), 1, 'the reason is told once');
    await until('the change to be told to who cannot see it', async () => {
      const told = await tab.page.locator('p[role=status]').textContent();
      return /broken is failed: Exception in worker/.test(String(told)) || undefined;
    });
    await tab.page.getByRole('link', { name: 'broken' }).first().click();
    const log = tab.page.getByRole('log', { name: 'Log' });
    await log.getByText('bad record').first().waitFor();
    await tab.page
      .getByRole('region', { name: 'Last failures' })
      .getByText('exception', { exact: true })
      .waitFor();

    // What is said while one looks appears by itself.
    await service.register({ name: 'talks', module: 'two-milliseconds.mjs', workers: 1 });
    await tab.page.goto(`${service.url}/#/groups/talks`);
    await tab.button('Start talks').click();
    await log.getByText('calls done {"calls":50}').waitFor();
    await tab.page.getByLabel('From level').selectOption('error');
    await log.getByText('No lines yet').waitFor();
    await service.stop('talks');
    tab.assertQuiet();
  });
});
