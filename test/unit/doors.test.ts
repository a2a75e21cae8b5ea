import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import Fastify from 'fastify';
import { deferred } from '#dist/deferred.js';
import { Doors } from '#dist/doors.js';
import { listen } from '#dist/listen.js';
import { settle } from '../support/fake-clock.js';
import { temporaryDirectory } from '../support/temporary.js';

test('an answer over the socket beside the port is waited for at the end', async (t) => {
  const server = Fastify({ forceCloseConnections: 'idle' });
  t.after(() => server.close());
  const asked = deferred<void>();
  const gate = deferred<void>();
  server.get('/', async () => {
    asked.resolve();
    await gate.promise;
    return 'all of it';
  });
  const doors = new Doors(server);
  const socketPath = join(temporaryDirectory(t), 'pw.sock');
  await listen(server, { tcp: { host: '127.0.0.1', port: 0 }, socket: socketPath }, doors);
  const sent = request({ socketPath, path: '/', agent: false }).end();
  const answered = once(sent, 'response');
  await asked.promise;
  let over = false;
  const closed = Promise.all([server.close(), doors.close()]).then(() => {
    over = true;
  });
  await once(server.server, 'close');
  await settle();
  assert.equal(over, false, 'the port is closed, and the answer over the socket still to come');
  gate.resolve();
  const [response] = await answered;
  assert.equal(await text(response), 'all of it');
  await closed;
});

test('a door that cannot take a connection stays open, however often', async (t) => {
  const lines: string[] = [];
  const server = Fastify({ logger: { stream: { write: (line: string) => void lines.push(line) } } });
  t.after(() => server.close());
  await server.ready();
  const doors = new Doors(server);
  t.after(() => doors.close());
  const door = await doors.open({ host: '127.0.0.1', port: 0 });
  for (let i = 0; i < 2; i++) door.emit('error', new Error('accept EMFILE'));
  assert.equal(lines.filter((line) => line.includes('accept EMFILE')).length, 2);
  assert.equal(door.listening, true);
});
