import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { AppOptions } from '#dist/app.js';
import { FakeHosts } from '../support/fake-host.js';
import { type ListeningApp, listeningApp } from '../support/listening-app.js';
import { open, readAll } from '../support/raw-http.js';
import { startService, until } from '../support/service.js';
import { type Following, follow } from '../support/watching.js';

/** The real app behind a real socket, over hosts that do nothing by themselves. */
async function app(t: TestContext, streams: AppOptions['streams'] = {}): Promise<ListeningApp> {
  return listeningApp(t, { createHost: new FakeHosts().create, streams });
}

/** Something happens to the group, which may be there or not. */
function happens({ app: { coordinator } }: ListeningApp, group: string, characters = 0): void {
  coordinator.events.emit('criticalFailure', { group, reason: 'x'.repeat(characters) });
}

const openStreams = (service: ListeningApp, kind = 'events') =>
  metric(service, `http_streams{stream="${kind}"}`);
const cutStreams = (service: ListeningApp) => metric(service, 'http_streams_cut_total{stream="events"}');

async function metric({ fetch }: ListeningApp, series: string): Promise<number> {
  const text: string = (await fetch('GET', '/metrics')).body;
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length),
  );
}

const typesOf = ({ events }: Following) =>
  events.map(({ event, data }) => (data.to ? `${event} ${data.to}` : event));
const numberOf = (id: string) => Number(id.split('-')[1]);

test('a snapshot comes first, then everything in its order, and the end of the service last', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'millisecond.mjs', workers: 2 });
  const watcher = await follow(t, `${service.url}/v1/events`);
  assert.equal(watcher.status, 200);
  assert.match(String(watcher.response.headers['content-type']), /^text\/event-stream/);
  assert.equal(watcher.response.headers['cache-control'], 'no-store');
  const { data } = await watcher.event('snapshot');
  assert.deepEqual(
    data.groups,
    [
      {
        name: 'a',
        state: 'registered',
        desired: 'stopped',
        reason: null,
        workers: [0, 1].map((id) => ({ id, index: id, state: 'idle' })),
      },
    ],
    'what it is, and nothing that it has counted',
  );
  await service.start('a');
  const { body } = await service.call('PATCH', '/v1/groups/a', { workers: 1 });
  assert.equal(body.state, 'running');
  assert.equal(await service.end(), 0);
  await until('the stream to end', () => watcher.ended || undefined);
  assert.equal(watcher.complete, true, 'to its proper end');
  assert.deepEqual(typesOf(watcher), [
    'snapshot',
    'desired',
    'transition starting',
    'transition running',
    'changed',
    'scaled',
    'closing',
    'transition stopping',
    'transition stopped',
    'closed',
  ]);
  const ids = watcher.events.map(({ id }) => numberOf(id));
  assert.deepEqual(
    ids,
    ids.map((_, i) => (ids[0] ?? 0) + i),
    'ids go up by one',
  );
  const logged = service.log
    .filter(({ event }) => event !== undefined)
    .map(({ event, to }) => (to ? `${event} ${to}` : event));
  const told = ['registered', ...typesOf(watcher).slice(1)];
  assert.deepEqual(logged, told, 'the same is in the log');
});

test('who comes back with the last id misses nothing and sees nothing twice', async (t) => {
  const service = await app(t);
  const url = `${service.url}/v1/events`;
  const seen: string[] = [];
  let lastId = '';
  const take = ({ events }: Following) => {
    for (const { id, event, data } of events) {
      if (event === 'criticalFailure') seen.push(data.group);
      lastId = id;
    }
  };
  const first = await follow(t, url);
  await first.event('snapshot');
  for (let i = 0; i < 10; i++) {
    const names = Array.from({ length: 20 }, (_, k) => `g${i * 20 + k}`);
    for (const name of names.slice(0, 10)) happens(service, name);
    const watcher = i === 0 ? first : await follow(t, url, { 'last-event-id': lastId });
    // It goes in the midst of things, wherever it has got to.
    for (const name of names.slice(10)) happens(service, name);
    await watcher.event('criticalFailure');
    watcher.close();
    take(watcher);
    assert.equal(typesOf(watcher).includes('snapshot'), i === 0);
  }
  const last = await follow(t, `${url}?lastEventId=${lastId}`);
  happens(service, 'last');
  await last.event('criticalFailure', ({ group }) => group === 'last');
  take(last);
  assert.deepEqual(seen, [...Array.from({ length: 200 }, (_, i) => `g${i}`), 'last']);

  for (let i = 0; i < 1_001; i++) happens(service, 'flood');
  const late = await follow(t, `${url}?lastEventId=${lastId}`);
  await late.event('snapshot');
  const strange = await follow(t, url, { 'last-event-id': 'of-another-life' });
  await strange.event('snapshot');
});

test('a tail is what was last, before the snapshot, and the stream goes on from there', async (t) => {
  const service = await app(t);
  const url = `${service.url}/v1/events`;
  for (const name of ['a', 'b', 'c']) happens(service, name);
  const watcher = await follow(t, `${url}?tail=2`);
  await watcher.event('snapshot');
  happens(service, 'd');
  await watcher.event('criticalFailure', ({ group }) => group === 'd');
  assert.deepEqual(
    watcher.events.map(({ event, data }) => data.group ?? event),
    ['b', 'c', 'snapshot', 'd'],
  );
  assert.deepEqual(
    watcher.events.map(({ id }) => id !== ''),
    [false, false, true, true],
    'nobody goes on from what is before the snapshot',
  );
  for (const tail of ['-1', '1001', 'all', '']) {
    const { status, body } = await service.fetch('GET', `/v1/events?tail=${tail}`);
    assert.deepEqual([status, body.errors[0].pointer], [400, '?tail'], tail);
  }
});

test('of one group there is its own alone, also before it is registered', async (t) => {
  const service = await app(t);
  const watcher = await follow(t, `${service.url}/v1/events?group=b`);
  assert.deepEqual((await watcher.event('snapshot')).data.groups, []);
  for (const name of ['a', 'b', 'c'])
    await service.fetch(
      'POST',
      '/v1/groups',
      { 'content-type': 'application/json' },
      JSON.stringify({ name, module: 'empty.mjs' }),
    );
  await service.fetch('DELETE', '/v1/groups/b');
  await watcher.event('deleted');
  assert.deepEqual(
    watcher.events.slice(1).map(({ event, data }) => [event, data.group]),
    [
      ['registered', 'b'],
      ['deleted', 'b'],
    ],
  );
  const wrong = await service.fetch('GET', '/v1/events?group=..');
  assert.deepEqual([wrong.status, wrong.body.code], [400, 'invalid_request']);
});

test('a stream shows that it lives, and with it how far one has come', async (t) => {
  const service = await app(t, { heartbeatMs: 20 });
  const watcher = await follow(t, `${service.url}/v1/events?group=a`);
  happens(service, 'b');
  const { id } = await until('a heartbeat', () =>
    watcher.all.find(({ event, id }) => event === '' && numberOf(id) === 1),
  );
  assert.match(watcher.text, /^: alive$/m);
  happens(service, 'a');
  const again = await follow(t, `${service.url}/v1/events?group=a`, { 'last-event-id': id });
  await again.event('criticalFailure');
  assert.deepEqual(typesOf(again), ['criticalFailure']);
});

test('streams are counted, and there are so many at most; as requests they are not measured', async (t) => {
  const service = await app(t, { most: 2 });
  const watchers = [await follow(t, `${service.url}/v1/events`), await follow(t, `${service.url}/v1/events`)];
  assert.equal(await openStreams(service), 2);
  const refused = await service.fetch('GET', '/v1/events');
  assert.deepEqual([refused.status, refused.body.code], [503, 'too_many_streams']);
  watchers[0]?.close();
  await until('the place to be free', async () => ((await openStreams(service)) === 1 ? true : undefined));
  assert.equal((await follow(t, `${service.url}/v1/events`)).status, 200);
  assert.equal(await cutStreams(service), 0, 'who goes by itself was not cut off');
  const measured: string[] = (await service.fetch('GET', '/metrics')).body.split('\n');
  const of = measured.filter(
    (line) => line.startsWith('http_request_duration_seconds_count') && line.includes('/v1/events'),
  );
  assert.deepEqual(of, [
    'http_request_duration_seconds_count{method="GET",route="/v1/events",status_code="503"} 1',
  ]);
});

test('a HEAD is no stream', async (t) => {
  const service = await app(t);
  assert.equal((await fetch(`${service.url}/v1/events`, { method: 'HEAD' })).status, 404);
});

const WATCH = 'GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n';
const STOP = 'POST /v1/groups/a/stop HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n';

test('a request behind a stream ends the connection, and is not done', async (t) => {
  const service = await app(t);
  await service.fetch(
    'POST',
    '/v1/groups',
    { 'content-type': 'application/json' },
    '{"name": "a", "module": "empty.mjs"}',
  );
  await service.app.coordinator.patch('a', { labels: { x: 'y' } });
  service.app.coordinator.get('a').want();
  const socket = await open(t, service);
  const all = readAll(socket);
  socket.write(WATCH);
  await until('the stream', async () => ((await openStreams(service)) === 1 ? true : undefined));
  socket.write(STOP);
  const text = await all;
  assert.equal(text.match(/^HTTP\/1\.1 /gm)?.length, 1, text);
  assert.equal(service.app.coordinator.get('a').desired, 'running');
  assert.equal(await openStreams(service), 0);
});

test('a stream is refused when requests wait behind it already, and these are answered', async (t) => {
  const service = await app(t);
  const socket = await open(t, service);
  const all = readAll(socket);
  socket.write(`${WATCH}GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
  const text = await all;
  assert.deepEqual(text.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 400', 'HTTP/1.1 200'], text);
  assert.match(text, /A stream needs its connection for itself/);
});

test('25 readers that do not read are cut off, and 25 others miss nothing', async (t) => {
  const service = await app(t);
  const sockets: Socket[] = [];
  service.app.server.server.on('connection', (socket: Socket) => sockets.push(socket));
  const url = `${service.url}/v1/events`;
  const readers = await Promise.all(Array.from({ length: 25 }, () => follow(t, url)));
  const deaf = await Promise.all(
    Array.from({ length: 25 }, async () => {
      const socket = await open(t, service);
      socket.pause();
      socket.write(WATCH);
      return socket;
    }),
  );
  await until('all to be there', async () => ((await openStreams(service)) === 50 ? true : undefined));
  /** The most that waits in this process for one client, in KiB. */
  let waiting = 0;
  let sent = 0;
  // Each round is 1 MB, a quarter of what is kept: whoever reads at all has it by the end of the round.
  for (let round = 0; round < 60 && (await cutStreams(service)) < deaf.length; round++) {
    for (let i = 0; i < 10; i++, sent++) happens(service, `g${sent}`, 100_000);
    await until(
      'the readers to have it all',
      () => readers.every(({ text }) => text.lastIndexOf(`"group":"g${sent - 1}"`) >= 0) || undefined,
    );
    for (const reader of readers) {
      const groups = reader.events.map(({ data }) => data.group);
      const wanted = Array.from({ length: 10 }, (_, i) => `g${sent - 10 + i}`);
      assert.deepEqual(groups.slice(-10), wanted);
      // What was looked at is not kept by the test.
      reader.text = '';
    }
    for (const { writableLength } of sockets) waiting = Math.max(waiting, writableLength / 1024);
  }
  assert.equal(await cutStreams(service), deaf.length, `after ${sent / 10} MB`);
  assert.equal(await openStreams(service), readers.length);
  assert.ok(waiting > 0 && waiting < 256, `${waiting.toFixed()} KiB waited for one client`);
  t.diagnostic(`cut off after ${sent / 10} MB; ${waiting.toFixed()} KiB waited for one client at most`);
});

test('at the end streams that nobody reads hold up nothing', async (t) => {
  const service = await app(t);
  const socket = await open(t, service);
  socket.pause();
  socket.write(WATCH);
  await until('the stream', async () => ((await openStreams(service)) === 1 ? true : undefined));
  for (let i = 0; i < 30; i++) happens(service, 'a', 100_000);
  await service.app.server.close();
});
