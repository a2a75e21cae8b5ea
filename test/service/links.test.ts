import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { startService } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { ITERATES, workersDir, writeFiles } from '../support/workers-dir.js';

const OUTSIDE = `console.log('code from outside has run');
export const log = () => {};
${ITERATES}`;

/** Fails once there is a file of this name beside it. */
const FAILS_WHEN_TOLD = `import { existsSync } from 'node:fs';
export default async (_id, ctx) => {
  await ctx.sleep(0.005);
  if (existsSync(new URL('../fail', import.meta.url))) throw new Error('told to');
};`;

/** A service whose workers directory has a folder, which can be swapped for a link to a folder outside. */
async function setUp(t: TestContext) {
  const directory = workersDir(t, {
    'sub/worker.mjs': FAILS_WHEN_TOLD,
    'sub/logger.mjs': OUTSIDE,
    'ok.mjs': ITERATES,
  });
  const outside = temporaryDirectory(t);
  writeFiles(outside, { 'worker.mjs': OUTSIDE, 'logger.mjs': OUTSIDE });
  const service = await startService(t, { workersDir: directory });
  const sub = join(directory, 'sub');
  return {
    service,
    directory,
    swap: () => {
      renameSync(sub, join(directory, 'before'));
      symlinkSync(outside, sub);
    },
    swapBack: () => {
      rmSync(sub);
      renameSync(join(directory, 'before'), sub);
    },
    nothingFromOutsideRan: () =>
      assert.equal(
        service.log.some(({ msg }) => msg === 'code from outside has run'),
        false,
      ),
  };
}

test('a link that takes the place of a module is not followed out of the workers directory', async (t) => {
  const { service, directory, swap, swapBack, nothingFromOutsideRan } = await setUp(t);

  await t.test('between registration and start: the start is refused', async () => {
    await service.register({ name: 'worker', module: 'sub/worker.mjs' });
    await service.register({ name: 'logger', module: 'ok.mjs', loggers: ['sub/logger.mjs'] });
    swap();
    for (const name of ['worker', 'logger']) {
      const { status, body } = await service.call('POST', `/v1/groups/${name}/start`);
      assert.deepEqual([status, body.code], [422, 'module_not_allowed'], name);
      assert.equal((await service.status(name)).state, 'failed');
    }
    nothingFromOutsideRan();
    swapBack();
    assert.equal((await service.start('worker')).state, 'running');
    await service.stop('worker');
  });

  await t.test('while the group runs: the next thread refuses it', async () => {
    const restart = { policy: 'on-failure', maxRestarts: 1, backoff: { initialSeconds: 0 } };
    await service.register({ name: 'a', module: 'sub/worker.mjs', workers: 1, restart });
    await service.start('a');
    swap();
    writeFiles(directory, { fail: '' });
    const { reason, failures } = await service.reaches('a', 'failed');
    assert.match(reason, /leads out of the workers directory now/);
    assert.deepEqual(
      failures.map(({ kind }: { kind: string }) => kind),
      ['exception', 'start'],
    );
    nothingFromOutsideRan();
  });
});
