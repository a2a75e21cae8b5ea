import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ROOT, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** Logs more at once than a log that nobody reads can hold. */
const LONG = `export default async (_id, ctx) => {
  if (ctx.iteration === 0) for (let i = 0; i < 1_000; i++) ctx.log.info('x'.repeat(7_000));
  await ctx.sleep(0.1);
};
`;

for (const [what, shell] of [
  ['a pipe', 'exec "$@" > >(exec sleep 1000 > /dev/null)'],
  ['a socket', 'exec "$@"'],
] as const) {
  test(`a log that goes into ${what} that nobody reads holds up nothing: not the service, nor its end`, async (t) => {
    const directory = temporaryDirectory(t);
    const socketPath = join(directory, 'service.sock');
    const workers = workersDir(t, { 'long.mjs': LONG });
    const flags = ['--socket', socketPath, '--workers-dir', workers, '--state-dir', join(directory, 'state')];
    const child = spawn(
      'bash',
      ['-c', shell, 'service', process.execPath, `${ROOT}dist/server.js`, ...flags],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
        detached: true,
      },
    );
    t.after(() => {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // Nobody is left.
      }
    });
    const call = async (method: string, path: string, body = '') => {
      const headers = body === '' ? {} : { 'content-type': 'application/json' };
      const asked = request({ socketPath, method, path, headers });
      asked.end(body);
      const [response] = await once(asked, 'response');
      return text(response);
    };
    await until('the service to answer', () => call('GET', '/livez').catch(() => undefined));
    await call('POST', '/v1/groups', '{"name": "a", "module": "long.mjs", "workers": 4}');
    await call('POST', '/v1/groups/a/start');
    await until(
      'lines to be dropped',
      async () => {
        const [, dropped] =
          /^service_log_lines_dropped_total (\d+)$/m.exec(await call('GET', '/metrics')) ?? [];
        return Number(dropped) > 0 || undefined;
      },
      60,
    );
    assert.match(await call('POST', '/v1/groups/a/stop'), /"success":/);
    assert.match(await call('GET', '/v1/groups/a/logs?tail=1'), /"seq":/);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  });
}
