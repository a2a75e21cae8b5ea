import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '#dist/config/config-error.js';
import { listenPrivately } from '#dist/unix-socket.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Listens, with room for very few who wait, and says so. */
const LISTENER = `
require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => process.send('listens'));
process.once('disconnect', () => process.exit());`;

/** Connects until the queue of a listener that accepts nobody is full. */
async function fill(t: TestContext, path: string): Promise<void> {
  for (;;) {
    const socket = connect({ path });
    t.after(() => socket.destroy());
    const full = once(socket, 'error').then(([error]) => error);
    const refusal = await Promise.race([full, once(socket, 'connect').then(() => undefined)]);
    full.catch(() => {});
    if (refusal === undefined) continue;
    assert.equal(refusal.code, 'EAGAIN');
    return;
  }
}

test('the socket of a process that stands still, and is overrun, is in use', async (t) => {
  const path = join(temporaryDirectory(t), 'pw.sock');
  const child = spawn(process.execPath, ['--eval', LISTENER, path], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  assert.deepEqual((await once(child, 'message'))[0], 'listens');
  child.kill('SIGSTOP');
  await fill(t, path);
  const listened = listenPrivately(path, async () => assert.fail('it must not be taken'));
  await assert.rejects(listened, (error) => error instanceof ConfigError && /in use/.test(error.message));
  assert.ok(existsSync(path), 'and stays where it is');
});
