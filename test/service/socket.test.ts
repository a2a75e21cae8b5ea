import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { run } from '../support/command.js';
import { MODULES, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** What the service answers over its socket. */
async function get(socketPath: string, path: string): Promise<{ status: number | undefined; body: string }> {
  const asked = request({ socketPath, path, agent: false }).end();
  const [response] = await once(asked, 'response');
  return { status: response.statusCode, body: await text(response) };
}

test('a Unix socket beside the port: for its owner alone, the same service, gone at the end', async (t) => {
  const path = join(temporaryDirectory(t), 'pw.sock');
  const service = await startService(t, { flags: ['--socket', path] });
  await until('the socket', () => existsSync(path) || undefined);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await service.register({ name: 'one', module: 'empty.mjs' });
  const { status, body } = await get(path, '/v1/groups/one');
  assert.deepEqual([status, JSON.parse(body).name], [200, 'one']);
  assert.equal(await service.end(), 0);
  assert.ok(!existsSync(path), 'the socket is gone');
});

test('localhost: every address of it that this machine has', async (t) => {
  const service = await startService(t, { flags: ['--host', 'localhost'] });
  const { port } = new URL(service.url);
  for (const { address } of await lookup('localhost', { all: true })) {
    const host = isIPv6(address) ? `[${address}]` : address;
    // Without IPv6 a machine may name ::1 all the same; the log says that it is not listened on.
    const refused = () => service.log.some(({ msg }) => msg.startsWith(`not listening on ${address}`));
    const asked = fetch(`http://${host}:${port}/livez`);
    const status = await asked.then((answer) => answer.status).catch(() => refused());
    assert.ok(status === 200 || status === true, `${address}: ${status}`);
  }
});

test('a Unix socket in place of the port', async (t) => {
  const path = join(temporaryDirectory(t), 'pw.sock');
  const service = await startService(t, { port: false, flags: ['--socket', path] });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal((await get(path, '/livez')).status, 200);
  assert.ok(!service.log.some(({ msg }) => msg.includes('http:')), 'no port is open');
  assert.equal(await service.end(), 0);
});

test('a socket that a killed service has left behind is replaced; one in use, or no socket, is not', async (t) => {
  const path = join(temporaryDirectory(t), 'pw.sock');
  const options = { port: false, flags: ['--socket', path] };
  const killed = await startService(t, options);
  await killed.end('SIGKILL');
  assert.ok(existsSync(path));
  await startService(t, options);
  assert.equal((await get(path, '/livez')).status, 200);

  const flags = ['--workers-dir', MODULES, '--state-dir', temporaryDirectory(t)];
  const refused = async (socket: string) => {
    const { code, stderr } = await run(t, [...flags, '--socket', socket]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^parallel-workers: [^\n]+\n$/);
    return stderr;
  };
  assert.match(await refused(path), /in use by another process/);
  assert.equal((await get(path, '/livez')).status, 200, 'the first goes on');
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, 'dear to somebody');
  assert.match(await refused(file), /is not a socket/);
  assert.ok(existsSync(file));
  assert.match(await refused(`/tmp/${'x'.repeat(120)}`), /too long/);
  assert.match(await refused(join(temporaryDirectory(t), 'missing', 'pw.sock')), /cannot listen/);
  const foreign = createServer().listen(join(temporaryDirectory(t), 'other.sock'));
  t.after(() => foreign.close());
  await once(foreign, 'listening');
  assert.match(await refused(String(foreign.address())), /in use/);
});
