import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import type { AxeResults } from 'axe-core';
import { Browser, type Tab } from '../support/browser.js';
import { requires } from '../support/requires.js';
import { startService } from '../support/service.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What a client may write into a label; on the page it has to stay text. */
const MARKUP = '<img src="x" onerror="alert(1)"><b>train</b>';

/** Fails with whatever of the page keeps people out. */
async function assertAccessible({ page }: Tab, what: string): Promise<void> {
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate<AxeResults>('axe.run()');
  assert.ok(passes.length > 10, 'axe has looked at the page');
  const grave = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(
    grave.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`),
    [],
    what,
  );
}

/** How much wider the content is than the window. */
function overflow({ page }: Tab): Promise<number> {
  return page.evaluate(
    'Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)',
  );
}

test('the dashboard for everybody', requires('chromium'), async (t: TestContext) => {
  const service = await startService(t);
  await service.register({
    name: 'fed',
    module: 'feeds.mjs',
    feed: { capacity: 800 },
    labels: { role: MARKUP },
  });
  await service.register({ name: 'broken', module: 'throws.mjs', params: { index: 0, at: 1 } });
  // As long as a name may be.
  const long = `long-${'x'.repeat(58)}`;
  await service.register({ name: long, module: 'empty.mjs', workers: 1 });
  await service.start('fed');
  await service.call('POST', '/v1/groups/broken/start');
  await service.reaches('broken', 'failed');
  const browser = await Browser.start(t);

  for (const colorScheme of ['light', 'dark'] as const)
    await t.test(`axe finds nothing grave, ${colorScheme}`, async (t) => {
      const tab = await browser.open(t, `${service.url}/`);
      await tab.page.emulateMedia({ colorScheme });
      await tab.sees('failed', tab.row('broken'));
      await assertAccessible(tab, 'the list');
      await tab.button('Register a group').click();
      const dialog = tab.page.getByRole('dialog');
      await dialog.getByLabel('Params').fill('{');
      await dialog.getByRole('button', { name: 'Register' }).click();
      await dialog.getByText('is not JSON').waitFor();
      await assertAccessible(tab, 'the dialog, with an error');
      await tab.page.keyboard.press('Escape');
      for (const name of ['fed', 'broken']) {
        await tab.page.goto(`${service.url}/#/groups/${name}`);
        await tab.page.getByRole('article', { name }).waitFor();
        await assertAccessible(tab, `the group ${name}`);
        if (name === 'fed') await tab.page.getByText(`role=${MARKUP}`, { exact: true }).waitFor();
      }
      tab.assertQuiet();
    });

  await t.test('on a phone nothing is wider than the screen, and axe finds nothing grave', async (t) => {
    const tab = await browser.open(t, `${service.url}/`);
    await tab.page.setViewportSize({ width: 360, height: 740 });
    await tab.sees('failed', tab.row('broken'));
    assert.equal(await overflow(tab), 0);
    await assertAccessible(tab, 'the list');
    for (const name of ['fed', 'broken', long]) {
      await tab.page.goto(`${service.url}/#/groups/${name}`);
      await tab.page.getByRole('article', { name }).waitFor();
      assert.equal(await overflow(tab), 0, name);
      await assertAccessible(tab, name);
    }
    await tab.button(`Delete … ${long}`).click();
    await tab.page.getByRole('dialog').waitFor();
    assert.equal(await overflow(tab), 0, 'with a dialog');
    tab.assertQuiet();
  });

  await t.test('whatever is said stays text: params, failures, events, the log', async (t) => {
    const spec = { name: 'said', module: 'says.mjs', workers: 1, params: { text: MARKUP } };
    await service.register(spec);
    await service.call('POST', '/v1/groups/said/start');
    await service.reaches('said', 'failed');
    const tab = await browser.open(t, `${service.url}/`);
    const { page } = tab;
    await tab.row('said').getByText(MARKUP).waitFor();
    await tab.row('said').getByRole('link').click();
    for (const where of ['Last failures', 'Events'])
      await page.getByRole('region', { name: where }).getByText(MARKUP).first().waitFor();
    const log = page.getByRole('log', { name: 'Log' });
    // In its text, in a field, on standard error, and as what was thrown.
    await log.getByText(MARKUP).nth(3).waitFor();
    await page.getByText('Spec', { exact: true }).click();
    await page.locator('details pre').getByText(JSON.stringify(MARKUP)).waitFor();
    assert.equal(await page.locator('main img').count(), 0);
    await service.call('DELETE', '/v1/groups/said');
    tab.assertQuiet();
  });

  await t.test('axe finds nothing grave when something is asked, refused, or old', async (t) => {
    const tab = await browser.open(t, `${service.url}/#/groups/fed`);
    const { page } = tab;
    await tab.sees('running');
    for (const name of ['Scale', 'Delete']) {
      await tab.button(`${name} … fed`).click();
      await page.getByRole('dialog').waitFor();
      await assertAccessible(tab, `the dialog ${name}`);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
    await page.route('**/stop?*', (route) => route.abort());
    await tab.button('Stop fed').click();
    await page.getByText('Could not stop fed.').waitFor();
    await assertAccessible(tab, 'a notice');

    let silent = true;
    await page.route('**/v1/groups', (route) => (silent ? undefined : route.abort()));
    await page.getByText('takes long').waitFor();
    await assertAccessible(tab, 'what is late');
    silent = false;
    await page.getByText('Connection lost').waitFor();
    await assertAccessible(tab, 'what is old');
    tab.assertQuietBut(/Failed to load resource/);

    const locked = await browser.open(t, `${service.url}/`);
    await locked.page.route('**/metrics', (route) =>
      route.fulfill({ status: 401, json: { status: 401, code: 'unauthorized', detail: 'Bring the token.' } }),
    );
    await locked.page.getByRole('dialog').waitFor();
    await assertAccessible(locked, 'the question for the token');
    locked.assertQuietBut(/Failed to load resource/);
  });

  await t.test('everything can be done by keyboard', async (t) => {
    const tab = await browser.open(t, `${service.url}/`);
    const { keyboard } = tab.page;
    await tab.row('fed').waitFor();
    /** Tabs on until what is focused has that role and name. */
    const reach = async (selector: string) => {
      for (let steps = 0; steps < 60; steps++) {
        await keyboard.press('Tab');
        if ((await tab.page.locator(`${selector}:focus`).count()) > 0) return;
      }
      assert.fail(`${selector} cannot be reached by keyboard`);
    };
    await reach('button:text("Register a group")');
    await keyboard.press('Enter');
    // The first field has the focus.
    await tab.page.locator('dialog input:focus').waitFor();
    await keyboard.type('typed');
    await keyboard.press('Tab');
    await keyboard.type('sleeps.mjs');
    await keyboard.press('Enter');
    await tab.page.getByRole('heading', { name: 'typed' }).waitFor();
    await reach('button.start');
    await keyboard.press('Enter');
    await tab.sees('running');
    // The button has kept its place.
    await reach('button.scale');
    await keyboard.press('Space');
    await tab.page.getByRole('dialog', { name: 'Scale typed' }).waitFor();
    await keyboard.press('Escape');
    await tab.page.getByRole('dialog').waitFor({ state: 'detached' });
    await tab.page.locator('button.scale:focus').waitFor();
    await reach('button.delete');
    await keyboard.press('Enter');
    await tab.page.getByRole('dialog', { name: 'Delete typed?' }).waitFor();
    await reach('button.danger');
    await keyboard.press('Enter');
    await tab.row('fed').waitFor();
    await tab.row('typed').waitFor({ state: 'detached' });
    assert.equal((await service.call('GET', '/v1/groups/typed')).status, 404);

    await reach('a:text-is("fed")');
    await keyboard.press('Enter');
    await tab.page.locator('main:focus').waitFor();
    await tab.page.getByRole('article', { name: 'fed' }).waitFor();
    tab.assertQuietBut(/status of 404/);
  });

  await t.test('50 groups are no more trouble than one', async (t) => {
    for (let i = 0; i < 50; i++) await service.register({ name: `g${i}`, module: 'empty.mjs', workers: 1 });
    const tab = await browser.open(t, `${service.url}/`);
    await tab.row('g49').waitFor();
    assert.equal(await tab.page.getByRole('row', { name: /^g\d+ / }).count(), 50);
    assert.equal(await overflow(tab), 0);
    await tab.row('g49').getByRole('link').click();
    await tab.page.getByRole('article', { name: 'g49' }).waitFor();
    tab.assertQuiet();
  });
});
