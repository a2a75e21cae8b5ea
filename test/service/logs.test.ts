import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Service, startService, until } from '../support/service.js';
import { type Following, follow, wholeLines } from '../support/watching.js';
import { workersDir } from '../support/workers-dir.js';

const FILES = {
  'talks.mjs': `
    import { spawnSync } from 'node:child_process';
    export function init() { console.log('from init'); }
    export function setup(id, ctx) {
      ctx.log.debug('a detail', { id });
      ctx.log.info('ready');
      if (ctx.index === 0) {
        console.log('printed');
        console.error('complained');
        spawnSync('sh', ['-c', 'echo from a child; echo and its error >&2'], { stdio: 'inherit' });
      } else ctx.log.error('bad record', { record: 17 });
    }
    export default async (_id, ctx) => { await ctx.sleep(0.01); };`,
  'steady.mjs': `
    export default async (_id, ctx) => { ctx.log.info('line ' + ctx.iteration); await ctx.sleep(0.02); };`,
  'floods.mjs': `
    export default async (_id, ctx) => {
      if (ctx.iteration === 0) for (let i = 0; i < 20_000; i++) console.log('line', i);
      await ctx.sleep(0.01);
    };`,
  'throws.mjs': `export default () => { throw new TypeError('no such record'); };`,
};

async function withGroup(t: TestContext, module: string, workers = 1): Promise<Service> {
  const service = await startService(t, {
    workersDir: workersDir(t, FILES),
    flags: ['--log-level', 'debug'],
  });
  await service.register({ name: 'a', module, workers });
  return service;
}

async function logs(service: Service, query = '') {
  const response = await fetch(`${service.url}/v1/groups/a/logs${query}`);
  assert.equal(response.status, 200);
  assert.match(String(response.headers.get('content-type')), /^application\/x-ndjson/);
  return wholeLines(await response.text());
}

test('what workers log and print, and their children too, is in the log of the group and in that of the service', async (t) => {
  const service = await withGroup(t, 'talks.mjs', 2);
  assert.deepEqual(await logs(service), []);
  await service.start('a');
  const wanted = [
    ['debug', 0, 'a detail'],
    ['debug', 1, 'a detail'],
    ['error', 1, 'bad record'],
    ['info', 0, 'printed'],
    ['info', 0, 'ready'],
    ['info', 1, 'ready'],
    ['info', null, 'from a child'],
    ['info', null, 'from init'],
    ['warn', 0, 'complained'],
    ['warn', null, 'and its error'],
  ];
  const told = await until('all lines', async () => {
    const lines = await logs(service);
    return lines.length >= wanted.length ? lines : undefined;
  });
  const short = (lines: { level: string; workerId: number | null; text: string }[]) =>
    lines.map(({ level, workerId, text }) => [level, workerId, text]).sort();
  assert.deepEqual(short(told), wanted.sort());
  for (const { time } of told) assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(told.find(({ text }) => text === 'bad record').fields, { record: 17 });
  assert.deepEqual(
    told.map(({ seq }) => seq),
    told.map((_, i) => told[0].seq + i),
  );

  assert.deepEqual(
    short(await logs(service, '?level=warn')),
    wanted.filter(([level]) => level === 'warn' || level === 'error'),
  );
  assert.deepEqual(
    short(await logs(service, '?worker=1')),
    wanted.filter(([, id]) => id === 1),
  );
  assert.deepEqual(await logs(service, '?tail=2'), told.slice(-2));
  assert.deepEqual(await logs(service, `?after=${told[3].seq}`), told.slice(4));

  const printed = service.log.filter(({ group, event }) => group === 'a' && event === undefined);
  assert.deepEqual(printed.map(({ msg }) => msg).sort(), wanted.map(([, , text]) => text).sort());
});

test('who follows has the last lines, then each as it comes, until the group is deleted; and can go on after any', async (t) => {
  const service = await withGroup(t, 'steady.mjs');
  const url = `${service.url}/v1/groups/a/logs?follow=true`;
  const first = await follow(t, url);
  assert.equal(first.status, 200, 'also before there is a line');
  await service.start('a');
  const grows = (following: Following, lines: number) =>
    until(`${lines} lines`, () => following.lines.length >= lines || undefined);
  await grows(first, 5);
  first.close();
  const seen = first.lines;
  assert.deepEqual(
    seen.map(({ text }) => text),
    seen.map((_, i) => `line ${i}`),
  );

  const second = await follow(t, `${url}&after=${seen.at(-1).seq}`);
  const none = await follow(t, `${url}&level=error`);
  await grows(second, 5);
  await service.call('DELETE', '/v1/groups/a');
  await until('both to end', () => (second.ended && none.ended) || undefined);
  assert.deepEqual([second.complete, none.complete, none.text], [true, true, '']);
  const all = [...seen, ...second.lines];
  assert.deepEqual(
    all.map(({ text }) => text),
    all.map((_, i) => `line ${i}`),
    'nothing missing, nothing twice',
  );

  const unknown = await service.call('GET', '/v1/groups/a/logs');
  assert.deepEqual([unknown.status, unknown.body.code], [404, 'group_not_found']);
});

test('a flood loses lines, and says so in the log', async (t) => {
  const service = await withGroup(t, 'floods.mjs');
  await service.start('a');
  const told = await until(
    'all that was lost to be told of, although the worker says nothing more',
    async () => {
      const lines = await logs(service, '?level=warn');
      const complaints = lines.filter(({ text }) => /log lines were dropped/.test(text));
      const sum = complaints.reduce((total, { text }) => total + Number.parseInt(text, 10), 0);
      return sum > 18_000 ? sum : undefined;
    },
  );
  assert.ok(told <= 20_000, `${told} were told of`);
  assert.equal((await logs(service, '?tail=1000')).length, 1_000, 'no more than these are kept');
  await service.stop('a');
  const counted = (await service.metric('worker_log_lines_dropped_total{group="a"}')) ?? 0;
  assert.ok(counted >= told && counted <= 20_000, `${counted} were counted, ${told} told of`);
});

test('what a worker has thrown is in the log, with its stack', async (t) => {
  const service = await withGroup(t, 'throws.mjs');
  await service.call('POST', '/v1/groups/a/start');
  await service.reaches('a', 'failed');
  const [line] = await logs(service, '?level=error');
  assert.deepEqual(
    [line.workerId, line.text, line.fields.phase],
    [0, 'TypeError: no such record', 'iteration'],
  );
  assert.match(line.fields.stack, /throws\.mjs/);
});

test('what is asked for wrongly is refused with every mistake', async (t) => {
  const service = await withGroup(t, 'steady.mjs');
  const wrong = await service.call(
    'GET',
    '/v1/groups/a/logs?tail=1001&worker=x&level=bad&follow=yes&after=-1&more=1',
  );
  assert.deepEqual(
    [wrong.status, wrong.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()],
    [400, ['?after', '?follow', '?level', '?more', '?tail', '?worker']],
  );
  for (const query of ['?tail=0', '?tail=1000', '?worker=12345', '?after=9999999999999999'])
    assert.deepEqual(await logs(service, query), []);
});

test('a stream of logs that ends with the service has the last words', async (t) => {
  const service = await withGroup(t, 'steady.mjs');
  await service.start('a');
  const following = await follow(t, `${service.url}/v1/groups/a/logs?follow=true`);
  await until('a line', () => following.lines.length > 0 || undefined);
  assert.equal(await service.end(), 0);
  await until('the stream to end', () => following.ended || undefined);
  assert.equal(following.complete, true);
});
