import assert from 'node:assert/strict';
import test from 'node:test';
// The name under which authors import it: what the package exports, not what lies in src/.
import type { CoordinatorInfo, GroupInfo, LoggerModule, WorkerContext, WorkerModule } from 'parallel-workers';

interface Params {
  rate: number;
}
type Shared = Float32Array;

/** A module as an author writes it. That this file compiles is most of the test. */
const module: WorkerModule<Params, Shared> = {
  default: async (workerId: number, ctx: WorkerContext<Params, Shared>) => {
    ctx.log.info(`worker ${workerId}`, { first: ctx.shared[ctx.index] });
    await ctx.sleep(1 / ctx.params.rate);
    if (ctx.signal.aborted || ctx.iteration > ctx.count) ctx.finish();
  },
  init: (group: GroupInfo<Params>, coordinator: CoordinatorInfo) =>
    new Float32Array(new SharedArrayBuffer(4 * group.workerIds.length * coordinator.groups.length)),
};

const logger: LoggerModule = {
  log: ({ group, worker_time, worker_time_count, workers }) => {
    assert.equal(typeof (group + worker_time + worker_time_count + workers.length), 'string');
  },
};

test('a module and a logger can be written against the types of the package', async () => {
  const group = { name: 'a', workerIds: [0, 1], labels: {}, params: { rate: 1 } };
  assert.equal((await module.init?.(group, { groups: ['a'], workerIds: [0, 1] }))?.length, 2);
  await logger.log({ group: 'a', worker_time: 1, worker_time_count: 2, errors: 0, workers: [] });
});
