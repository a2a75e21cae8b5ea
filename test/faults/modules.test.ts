import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { requires } from '../support/requires.js';
import { until } from '../support/service.js';
import { writeFiles } from '../support/workers-dir.js';

const REST = 'export default async (_id, ctx) => { await ctx.sleep(0.01); };';
const told = (version: number) =>
  `export default async (_id, ctx) => { if (ctx.iteration === 0) ctx.log.info('version ${version}'); await ctx.sleep(0.01); };`;

test('a module that changes between two starts: the new code runs', async (t) => {
  const bench = await FaultBench.start(t);
  await bench.fault(told(1), { workers: 1 }, async (victim) => {
    const { service, name } = victim;
    const says = (version: number) =>
      until(
        `version ${version} to run`,
        () => service.log.some(({ msg }) => msg === `version ${version}`) || undefined,
      );
    await victim.start();
    await says(1);
    await service.stop(name);
    writeFiles(bench.directory, { [`${name}.mjs`]: told(2) });
    await victim.start();
    await says(2);
    await service.stop(name);
  });
});

test('a worker that starts again alone runs the new code, too', async (t) => {
  const bench = await FaultBench.start(t);
  const failing = `export default async () => { throw new Error('old code'); };`;
  const restart = { policy: 'on-failure', maxRestarts: 1000, backoff: { initialSeconds: 0.05, factor: 1 } };
  await bench.fault(failing, { workers: 1, restart }, async (victim) => {
    const { service, name } = victim;
    await victim.start();
    await until('it to fail', async () => (await service.status(name)).failures.length > 0 || undefined);
    writeFiles(bench.directory, { [`${name}.mjs`]: told(2) });
    await until('the new code', () => service.log.some(({ msg }) => msg === 'version 2') || undefined);
    await service.stop(name);
  });
});

test('a module that cannot be had any more', async (t) => {
  const bench = await FaultBench.start(t);
  await t.test('deleted', () =>
    bench.fault(REST, {}, async (victim) => {
      rmSync(bench.path(`${victim.name}.mjs`));
      const { status, body } = await victim.start();
      assert.deepEqual([status, body.code], [422, 'module_not_found']);
      await victim.expect({
        state: 'failed',
        kind: 'start',
        reason: /cannot be found in the workers directory/,
      });
    }),
  );
  await t.test('a directory in its place', () =>
    bench.fault(REST, {}, async (victim) => {
      const path = bench.path(`${victim.name}.mjs`);
      rmSync(path);
      mkdirSync(path);
      const { status, body } = await victim.start();
      assert.deepEqual([status, body.code], [422, 'module_unsupported']);
      await victim.expect({ state: 'failed', kind: 'start' });
    }),
  );
  await t.test('gone for a while, under on-failure: it comes back by itself', () => {
    const restart = { policy: 'on-failure', maxRestarts: 1000, backoff: { initialSeconds: 0.05, factor: 1 } };
    return bench.fault(REST, { restart }, async (victim) => {
      const path = bench.path(`${victim.name}.mjs`);
      renameSync(path, `${path}.away`);
      assert.equal((await victim.start()).status, 422);
      await until('a second try', async () =>
        (await victim.service.status(victim.name)).totals.restarts >= 2 ? true : undefined,
      );
      renameSync(`${path}.away`, path);
      await victim.expect({ state: 'running', reason: null });
      assert.equal((await victim.service.stop(victim.name)).success, true);
    });
  });
});

/** Root may read every file, unless it gives that right up. */
const launcher = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];

test('a module that may not be read', requires(...launcher.slice(0, 1)), async (t) => {
  const bench = await FaultBench.start(t, { launcher });
  await bench.fault(REST, {}, async (victim) => {
    chmodSync(bench.path(`${victim.name}.mjs`), 0);
    const { status, body } = await victim.start();
    assert.deepEqual([status, body.code], [500, 'module_failed']);
    await victim.expect({ state: 'failed', kind: 'start', reason: /EACCES: permission denied/ });
  });
});
