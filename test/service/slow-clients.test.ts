import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { FakeHosts } from '../support/fake-host.js';
import { socketOf, Taker } from '../support/feed.js';
import { listeningApp } from '../support/listening-app.js';
import { exchange, open, parseAnswer, rawRequest, readAll } from '../support/raw-http.js';
import { type Service, startService, until } from '../support/service.js';

/** Long enough for requests that are in nobody's way, on a machine that others use as well. */
const timeouts = { headersMs: 2_000, requestMs: 3_000, keepAliveMs: 300, checkMs: 50 };

/** Sends the text letter by letter for as long as the connection lasts, and returns what came back. */
async function drip(t: TestContext, socket: Socket, text: string): Promise<string> {
  let sent = 0;
  const timer = setInterval(() => socket.write(text[sent++ % text.length] ?? ''), 20);
  t.after(() => clearInterval(timer));
  return readAll(socket).finally(() => clearInterval(timer));
}

test('who is slow with headers or body, or says nothing, is let go; others are served meanwhile', async (t) => {
  const { port, raw, groups } = await listeningApp(t, { timeouts });
  const connection = () => open(t, { port });
  const body = await connection();
  body.write(
    'POST /v1/groups HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n',
  );
  const chunks = await connection();
  chunks.write('POST /v1/stop HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n');
  const ended = Promise.all([
    drip(
      t,
      await connection(),
      'GET /livez HTTP/1.1\r\nhost: localhost\r\nx-endless: and so on and so on and so on',
    ),
    drip(t, body, '{"name": "a", "module": "empty.mjs"}   '),
    drip(t, chunks, '1\r\n \r\n'),
    readAll(await connection()),
  ]);
  let over = false;
  const all = ended.finally(() => {
    over = true;
  });
  // Each on a connection of its own: one that is kept could be closed in the moment at which it is used again.
  const probe = async () => {
    assert.equal((await raw('GET', '/livez', [['host', 'localhost']])).status, 200);
    return over || undefined;
  };
  await until('the slow ones to be let go', probe, 60);
  for (const text of await all) {
    const answer = parseAnswer(text);
    assert.deepEqual([answer.status, answer.body.code], [408, 'request_timeout']);
    assert.equal(answer.headers.get('connection'), 'close');
  }
  assert.deepEqual(groups(), []);
});

test('a connection that has nothing more to ask is closed after a while', async (t) => {
  const { port } = await listeningApp(t, { timeouts });
  const socket = await open(t, { port });
  socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
  assert.equal(parseAnswer(await readAll(socket)).status, 200);
});

test('too many headers are refused, and so are too large ones', async (t) => {
  const { port } = await listeningApp(t);
  const head = 'POST /v1/stop HTTP/1.1\r\nhost: localhost\r\n';
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `a${i}:\r\n`).join('');
  const few = await exchange(t, { port }, `${head}${lines(100)}connection: close\r\n\r\n`);
  assert.equal(few.status, 200);
  const floods = {
    'a hundred and thirty': `${head}${lines(130)}\r\n`,
    // Beyond Node's own maximum, where it would look at no more of them.
    'an origin after 2,000': `${head}${'a:\r\n'.repeat(2000)}origin: https://evil.example\r\n\r\n`,
    '17,000 bytes': `${head}x: ${'a'.repeat(17_000)}\r\n\r\n`,
    'headers without an end': `${head}${lines(100_000)}`,
    'a target of 17,000 bytes': `GET /${'a'.repeat(17_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
  };
  for (const [what, bytes] of Object.entries(floods)) {
    const { status, body } = await exchange(t, { port }, bytes);
    assert.deepEqual([status, body.code], [431, 'headers_too_large'], what);
  }
});

test('when all places are taken, who waits the longest goes first, and a command under way stays', async (t) => {
  const hosts = new FakeHosts();
  t.after(() => {
    for (const host of hosts.alive()) host.exit();
  });
  const { app, port, raw } = await listeningApp(t, {
    createHost: hosts.create,
    access: { maxConnections: 4 },
  });
  const connection = () => open(t, { port });
  /** Sends the bytes on a new connection and waits until the service has its request. */
  const sendOn = async (bytes: string) => {
    const socket = await connection();
    const request = once(app.server.server, 'request');
    socket.write(bytes);
    const [, response] = (await request) as [IncomingMessage, ServerResponse];
    return { socket, response };
  };
  const headers = [
    ['host', 'localhost'],
    ['content-type', 'application/json'],
  ] as const;
  await raw('POST', '/v1/groups', headers, '{"name": "a", "module": "empty.mjs", "workers": 1}');

  const starting = await sendOn(rawRequest('POST', '/v1/groups/a/start', headers));
  const started = readAll(starting.socket);
  const half = await sendOn('POST /v1/stop HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{');
  const answered = await sendOn('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await once(answered.response, 'close');
  const silent = await connection();
  const order: string[] = [];
  const sockets = { half: half.socket, answered: answered.socket, silent };
  for (const [name, socket] of Object.entries(sockets)) socket.resume().once('close', () => order.push(name));

  const late = [await connection(), await connection()];
  await until('two to have gone', () => order.length === 2 || undefined);
  assert.deepEqual(order, ['answered', 'silent'], 'by how long they have had nothing to ask');
  for (const socket of late) {
    const request = once(app.server.server, 'request');
    socket.write('POST /v1/stop HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{');
    await request;
  }
  assert.equal((await raw('GET', '/livez', headers)).status, 200);
  await until('the one with half a body to have gone', () => order.includes('half') || undefined);

  const host = await until('the host to be asked to init', () =>
    hosts.alive('a').find((host) => host.has('init')),
  );
  host.initialised();
  await until('the workers to be asked for', () => host.has('run') || undefined);
  host.running();
  assert.equal(parseAnswer(await started).status, 200, 'the command had its answer');
});

test('who does not read the refusals of its commands makes room for others', async (t) => {
  const { app, port, fetch } = await listeningApp(t, {
    access: { maxConnections: 2, token: 'the-token' },
  });
  let asked = 0;
  const pending = new Set<ServerResponse>();
  app.server.server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    asked++;
    pending.add(response);
    response.once('close', () => pending.delete(response));
  });
  // Answers that tell a long name again fill the buffers soonest.
  const command = `POST /v1/stop HTTP/1.1\r\nhost: ${'a'.repeat(15_000)}.example\r\n\r\n`;
  for (let i = 0; i < 2; i++) {
    const socket = (await open(t, { port })).pause();
    for (let n = 0; n < 1500; n++) socket.write(command);
  }
  let before = 0;
  await until('the service to read no more of their commands', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stuck = asked === before && pending.size > 0;
    before = asked;
    return stuck || undefined;
  });
  assert.ok(before < 3000, 'answers are waiting to be read');
  assert.equal((await fetch('GET', '/livez')).status, 200);
});

/** Descriptors that the service has open. */
const descriptors = (service: Service) => readdirSync(`/proc/${service.pid}/fd`).length;

test('more idle connections than descriptors: others still get in, and a group still starts', async (t) => {
  const LIMIT = 256;
  const launcher = ['sh', '-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh'];
  const service = await startService(t, { launcher });
  const port = Number(new URL(service.url).port);
  const idle: Socket[] = [];
  // Waves, since the queue of a socket that listens is finite, too.
  for (let wave = 0; wave < 10; wave++)
    idle.push(...(await Promise.all(Array.from({ length: LIMIT / 4 }, () => open(t, { port })))));
  assert.equal(idle.length, 2.5 * LIMIT);
  const gone = () => idle.filter((socket) => socket.closed || socket.destroyed).length;
  await until('the oldest to be let go', () => gone() >= 1.5 * LIMIT || undefined);

  assert.equal((await service.call('GET', '/livez')).status, 200);
  await service.register({ name: 'a', module: 'millisecond.mjs', workers: 4 });
  assert.equal((await service.start('a')).state, 'running');
  const now = descriptors(service);
  assert.ok(now < LIMIT - 32, `${now} descriptors are open`);
  assert.ok(
    idle.length - gone() >= LIMIT / 8,
    'those that came last are still there: nobody is cut without need',
  );
  assert.equal((await service.stop('a')).success, true);
});

test('more takers than descriptors: others still get in, and the group runs on', async (t) => {
  const LIMIT = 256;
  const launcher = ['sh', '-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh'];
  const service = await startService(t, { launcher });
  const port = Number(new URL(service.url).port);
  await service.register({ name: 'a', module: 'millisecond.mjs', workers: 4, feed: {} });
  await service.start('a');
  const path = await socketOf(service, 'a');
  const take = 'take?waitSeconds=300 HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n';
  const doors = [
    [{ port }, `POST /v1/groups/a/feed/${take}`],
    [{ path }, `POST /${take}`],
    [{ path }, `POST /${take}`.slice(0, 9)],
    [{ path }, ''],
  ] as const;
  for (const [target, bytes] of doors) {
    const sockets: Socket[] = [];
    for (let wave = 0; wave < 5; wave++) {
      const opened = await Promise.all(Array.from({ length: LIMIT / 4 }, () => open(t, target)));
      // Some are refused at once, and stay.
      for (const socket of opened) socket.resume().write(bytes);
      sockets.push(...opened);
    }
    await until(
      'the oldest to be let go',
      () => sockets.filter(({ closed }) => closed).length >= LIMIT || undefined,
    );
    assert.equal((await service.call('GET', '/livez')).status, 200);
    // Takers at the port come again when one has made room, and it may be the next one that makes it.
    await until('a taker to get in', async () => {
      const taker = Taker.atSocket(path);
      const answer = await taker.ask('?waitSeconds=0').catch(() => undefined);
      taker.close();
      return answer?.status === 204 || undefined;
    });
    // A thread more needs descriptors, too.
    await service.call('PATCH', '/v1/groups/a', { workers: 5 });
    await service.call('PATCH', '/v1/groups/a', { workers: 4 });
  }
  const { state, failures } = await service.status('a');
  assert.deepEqual([state, failures], ['running', []]);
  assert.equal((await service.stop('a')).success, true);
});
