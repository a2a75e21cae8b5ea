// `npm run screenshots`: takes the pictures of the dashboard that the documents show. Takes two minutes.

import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Browser, type BrowserOptions } from '../support/browser.js';
import { ROOT, type Service, startService } from '../support/service.js';

const SCENE = fileURLToPath(new URL('../../test/fixtures/scene/', import.meta.url));

/** How long groups run before they are looked at, in seconds. */
const SECONDS = Number(process.env['PW_SCENE_SECONDS'] ?? 100);

const PICTURES: { name: string; group?: string; options: BrowserOptions }[] = [
  { name: 'light', options: { size: { width: 1280, height: 720 } } },
  { name: 'group-light', group: 'decode', options: { size: { width: 1280, height: 1180 } } },
  { name: 'group-dark', group: 'decode', options: { size: { width: 1280, height: 1180 }, dark: true } },
  { name: 'dark', options: { size: { width: 1280, height: 720 }, dark: true } },
  { name: 'phone', options: { size: { width: 390, height: 844 } } },
  { name: 'group-phone', group: 'decode', options: { size: { width: 390, height: 844 } } },
];

test('pictures of the dashboard', { timeout: 10 * 60_000 }, async (t) => {
  const service = await startService(t, { workersDir: SCENE });
  const pages = await Promise.all(
    PICTURES.map(async (picture) => {
      const browser = await Browser.start(t, picture.options);
      const hash = picture.group === undefined ? '' : `#/groups/${picture.group}`;
      const { page } = await browser.open(t, `${service.url}/${hash}`);
      return { ...picture, page };
    }),
  );
  await scene(t, service);
  for (const { name, page } of pages) {
    await page.bringToFront();
    await page.screenshot({ path: `${ROOT}docs/dashboard/${name}.png` });
  }
});

/** What a training run might look like after a while. */
async function scene(t: TestContext, service: Service) {
  const registrations = [
    {
      name: 'decode',
      module: 'decode.mjs',
      workers: 6,
      labels: { role: 'train' },
      params: { put: true },
      feed: { capacity: 64 },
    },
    {
      name: 'augment',
      module: 'decode.mjs',
      workers: 3,
      labels: { role: 'train' },
      params: { milliseconds: 40, swing: 0.6 },
    },
    {
      name: 'validate',
      module: 'decode.mjs',
      workers: 2,
      params: { put: true, milliseconds: 25 },
      feed: { capacity: 200 },
    },
    { name: 'index-shards', module: 'index.mjs', workers: 2, params: { at: Math.round(SECONDS * 12) } },
    { name: 'export', module: 'decode.mjs', workers: 4 },
  ];
  for (const spec of registrations) await service.register(spec);
  for (const name of ['decode', 'augment', 'validate', 'index-shards']) await service.start(name);
  const trainer = new AbortController();
  t.after(() => trainer.abort());
  void train(service, 'decode', 7, trainer.signal);
  void train(service, 'validate', 30, trainer.signal);
  await service.start('export');
  await wait(SECONDS * 300);
  await service.stop('export');
  await wait(SECONDS * 700);
}

/** Takes batches, one each so many milliseconds or a little later. */
async function train(service: Service, group: string, everyMs: number, signal: AbortSignal) {
  while (!signal.aborted) {
    await fetch(`${service.url}/v1/groups/${group}/feed/take?waitSeconds=1&max=4`, { method: 'POST' })
      .then((answer) => answer.arrayBuffer())
      .catch(() => undefined);
    await wait(everyMs * (0.5 + Math.random() + Math.max(0, Math.sin(Date.now() / 7000))));
  }
}
