import assert from 'node:assert/strict';
import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { MODULES, ROOT, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** The service on a Unix socket alone, with its log wherever the test says. */
function service(t: TestContext, launcher: string, stdio: StdioOptions) {
  const directory = temporaryDirectory(t);
  const socketPath = join(directory, 'pw.sock');
  const flags = ['--socket', socketPath, '--state-dir', join(directory, 'state'), '--workers-dir', MODULES];
  const command = [process.execPath, `${ROOT}dist/server.js`, ...flags];
  const env = { ...process.env, PW_RATE_LIMIT: '0' };
  const child = spawn('sh', ['-c', launcher, 'sh', ...command], { stdio, env });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const ask = () =>
    new Promise<number | undefined>((resolve) => {
      const asked = request({ socketPath, path: '/v1/groups', agent: false, timeout: 5000 }, (response) =>
        resolve(response.resume().statusCode),
      );
      asked.once('timeout', () => asked.destroy());
      asked.once('error', () => resolve(undefined)).end();
    });
  return { child, exited, ask };
}

test('when the log cannot be written the service goes on, and ends as it should', async (t) => {
  const { child, exited, ask } = service(t, 'exec "$@" > /dev/full', 'inherit');
  assert.equal(await until('the service to answer', ask, 30), 200);
  assert.equal(await ask(), 200, 'although it has logged a request by now');
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

test('when nobody reads the log the service goes on, and ends as it should', async (t) => {
  const { child, exited, ask } = service(t, 'exec "$@"', ['ignore', 'pipe', 'inherit']);
  assert.equal(await until('the service to answer', ask, 30), 200);
  // Two lines each, of 200 bytes and more: several times what a pipe takes in.
  for (let n = 0; n < 2000; n++) assert.equal(await ask(), 200, `call ${n}`);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});
