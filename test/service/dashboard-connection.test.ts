import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Route } from 'playwright-core';
import { Browser, type Tab } from '../support/browser.js';
import { requires } from '../support/requires.js';
import { startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const [TOKEN, READ_TOKEN] = ['a-token-for-everything', 'a-token-to-look'];

test('the dashboard and its connection', requires('chromium'), async (t: TestContext) => {
  const browser = await Browser.start(t);

  await t.test('a connection that is lost is told, and comes back by itself', async (t) => {
    const stateDir = temporaryDirectory(t);
    const service = await startService(t, { stateDir });
    await service.register({ name: 'steady', module: 'two-milliseconds.mjs', workers: 1 });
    await service.start('steady');
    const tab = await browser.open(t, `${service.url}/#/groups/steady`);
    const { page } = tab;
    await tab.sees('running');
    await page.getByRole('img', { name: /^Iterations per second.* Now: \d/ }).waitFor();

    const said = page.getByRole('log', { name: 'Log' }).getByText('calls done {"calls":50}');
    await said.waitFor();

    await service.end('SIGKILL');
    await page
      .getByText(/Connection lost\. The service does not answer\. What is shown is of \d\d:\d\d:\d\d\./)
      .waitFor();
    await page.getByText(/Trying again in \d+ s|Trying …/).waitFor();
    await page.getByRole('heading', { name: 'steady' }).waitFor();

    const port = new URL(service.url).port;
    await startService(t, { stateDir, flags: ['--port', port] });
    await page.getByText('Connection lost').waitFor({ state: 'detached' });
    // It was to run, so it runs again: in events and plots as well.
    await tab.sees('running');
    await page.getByRole('img', { name: /^Iterations per second.* Now: \d/ }).waitFor();
    await until('the log of both lives', async () => ((await said.count()) > 1 ? true : undefined));
    await tab.button('Stop steady').click();
    await page.getByRole('region', { name: 'Events' }).getByText('stopped', { exact: true }).waitFor();
    tab.assertQuietBut(/Failed to load resource|ERR_/);
  });

  await t.test('many windows and many slow stops leave the page its connections', async (t) => {
    const service = await startService(t);
    const gate = join(temporaryDirectory(t), 'gate');
    const names = Array.from({ length: 7 }, (_, i) => `slow-${i}`);
    for (const name of names) {
      const spec = { module: 'lingers.mjs', workers: 1, params: { until: gate }, stopGraceSeconds: 3600 };
      await service.register({ name, ...spec });
      await service.start(name);
    }
    const windows: Tab[] = [];
    for (const name of names.slice(0, 4)) {
      const tab = await browser.open(t, `${service.url}/#/groups/${name}`);
      await tab.sees('running');
      await tab.page.getByRole('region', { name: 'Events' }).getByText('running', { exact: true }).waitFor();
      windows.push(tab);
    }
    const list = await browser.open(t, `${service.url}/`);
    for (const name of names) {
      await list.button(`Stop ${name}`).click();
      await list.sees('stopping', list.row(name));
    }
    await list.button('stopping … slow-6').waitFor();
    for (const tab of windows) await tab.sees('stopping');
    // Another command is carried out, and what is new is seen, while all of them wait.
    const [first] = windows;
    assert.ok(first);
    await first.button('Scale … slow-0').click();
    await first.page.getByRole('dialog').getByLabel('Workers').fill('2');
    await first.button('Scale').click();
    await first.page.getByRole('dialog').waitFor({ state: 'detached' });
    await service.register({ name: 'new', module: 'sleeps.mjs' });
    await list.row('new').waitFor();
    for (const { page } of [list, ...windows])
      assert.equal(await page.getByText(/Connection lost|takes long/).count(), 0);
    await list.button('Start new').click();
    await list.sees('running', list.row('new'));

    writeFileSync(gate, '');
    for (const name of names) await list.sees('stopped', list.row(name));
    for (const tab of windows) await tab.sees('stopped');
    for (const tab of [list, ...windows]) tab.assertQuiet();
  });

  await t.test('a service that hangs is told of before it is given up', async (t) => {
    const service = await startService(t);
    await service.register({ name: 'steady', module: 'sleeps.mjs' });
    const tab = await browser.open(t, `${service.url}/`);
    await tab.row('steady').waitFor();
    service.process.kill('SIGSTOP');
    try {
      await tab.page
        .getByText(/The service takes long to answer\. What is shown is of \d\d:\d\d:\d\d\./)
        .waitFor();
    } finally {
      service.process.kill('SIGCONT');
    }
    await tab.page.getByText('takes long').waitFor({ state: 'detached' });
    await tab.sees('registered', tab.row('steady'));
    tab.assertQuiet();
  });

  await t.test('who does not want to wait for a service that hangs can go on', async (t) => {
    const service = await startService(t);
    const tab = await browser.open(t, `${service.url}/`);
    const { page } = tab;
    await page.getByRole('heading', { name: 'No groups yet' }).waitFor();
    const held: Route[] = [];
    await page.route('**/v1/groups', (route) =>
      route.request().method() === 'POST' ? void held.push(route) : route.continue(),
    );
    const dialog = page.getByRole('dialog', { name: 'Register a group' });
    const register = async (name: string) => {
      await tab.button('Register a group').click();
      await dialog.getByLabel('Name').fill(name);
      await dialog.getByLabel('Module').fill('sleeps.mjs');
      await dialog.getByRole('button', { name: 'Register' }).click();
      await dialog.getByText('Registering …').waitFor();
      // A second press sends nothing.
      await dialog.getByText('Registering …').click({ force: true });
      await until('it to be sent', () => (held.length > 0 ? true : undefined));
    };
    await register('first');
    for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(held.length, 1);
    await held.pop()?.fulfill({
      status: 409,
      json: { status: 409, code: 'group_conflict', detail: 'There is one already.' },
    });
    // It is told although the form is gone, and the form is there for the next.
    await page.getByText('Could not register first. name There is one already.').waitFor();
    await register('second');
    await held.pop()?.continue();
    await page.getByRole('heading', { name: 'second' }).waitFor();
    tab.assertQuietBut(/status of 409/);
  });

  await t.test('a token is asked for, a wrong one is told, the right one is kept for the tab', async (t) => {
    const service = await startService(t, { env: { PW_TOKEN: TOKEN, PW_READ_TOKEN: READ_TOKEN } });
    const authorization = `Bearer ${TOKEN}`;
    await fetch(`${service.url}/v1/groups`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'secret', module: 'sleeps.mjs' }),
    });
    const tab = await browser.open(t, `${service.url}/`);
    const { page } = tab;
    const dialog = page.getByRole('dialog', { name: 'This service asks for a token' });
    // The browser closes any dialog at the second.
    for (let i = 0; i < 3; i++) await page.keyboard.press('Escape');
    await dialog.getByLabel('Token').fill('guessed');
    await page.keyboard.press('Enter');
    await dialog.getByText('This is not the token of this service.').waitFor();
    assert.equal(await tab.row('secret').count(), 0);
    await dialog.getByLabel('Token').fill(TOKEN);
    await page.keyboard.press('Enter');
    await tab.row('secret').waitFor();
    await dialog.waitFor({ state: 'detached' });
    await tab.button('Start secret').click();
    await tab.sees('running', tab.row('secret'));
    // What streams is let in as well.
    await page.getByRole('region', { name: 'Events' }).getByText('running', { exact: true }).waitFor();

    await page.reload();
    await tab.row('secret').waitFor();
    const stored = await page.evaluate(
      '[Object.values(sessionStorage), Object.keys(localStorage), document.cookie]',
    );
    assert.deepEqual(stored, [[TOKEN], [], '']);
    const other = await browser.open(t, `${service.url}/`);
    await other.page.getByRole('dialog', { name: 'This service asks for a token' }).waitFor();

    await page.route('**/stop?*', (route) => route.abort());
    await tab.button('Stop secret').click();
    await page.getByText('Could not stop secret').waitFor();
    await page.unroute('**/stop?*');
    await tab.button('Forget token').click();
    // And nothing that it has shown, or told to who cannot see.
    await until('all of it to be gone', async () =>
      /secret/.test(String(await page.locator('body').textContent())) ? undefined : true,
    );
    await dialog.getByLabel('Token').fill(READ_TOKEN);
    await page.keyboard.press('Enter');
    await tab.row('secret').waitFor();
    await dialog.waitFor({ state: 'detached' });
    await tab.button('Stop secret').click();
    await page
      .getByText('Could not stop secret. The token sent is the read-only one (PW_READ_TOKEN)')
      .waitFor();
    await tab.sees('running', tab.row('secret'));
    await tab.button('Dismiss').click();
    await page.getByText('Could not stop secret').waitFor({ state: 'detached' });
    tab.assertQuietBut(/status of (401|403)|ERR_FAILED/);
    other.assertQuietBut(/status of 401/);
  });
});
