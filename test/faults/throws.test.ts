import assert from 'node:assert/strict';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';

const THROWN: Record<string, [expression: string, told: RegExp]> = {
  'an Error': ["new Error('bad record')", /bad record$/],
  'a string': ["'a plain string'", /a plain string$/],
  null: ['null', /null$/],
  undefined: ['undefined', /undefined$/],
  'a Symbol': ["Symbol('odd')", /Symbol\(odd\)$/],
  'a Proxy whose traps throw': [
    "new Proxy({}, { get() { throw new Error('trap'); }, getPrototypeOf() { throw new Error('trap'); } })",
    /a value that cannot be shown$/,
  ],
  'an object whose message getter throws': [
    "{ get message() { throw new Error('gotcha'); } }",
    /\[object Object\]$/,
  ],
};

const WAYS: Record<string, (expression: string) => string> = {
  sync: (expression) =>
    `export default (_id, ctx) => { if (ctx.index === 1) throw ${expression}; return ctx.sleep(0.01); };`,
  async: (expression) =>
    `export default async (_id, ctx) => { await ctx.sleep(0.01); if (ctx.index === 1) throw ${expression}; };`,
};

/** Outside of any call: the thread dies of it. */
const LATER = {
  'a rejection after return': "Promise.reject(new Error('too late'));",
  'a throw in a timer': "setTimeout(() => { throw new Error('too late'); }, 0);",
};

test('what a worker throws', async (t) => {
  const bench = await FaultBench.start(t);
  for (const [what, [expression, told]] of Object.entries(THROWN)) {
    for (const [way, source] of Object.entries(WAYS)) {
      await t.test(`${what}, ${way}`, () =>
        bench.fault(source(expression), {}, async (victim) => {
          await victim.start();
          const status = await victim.expect({
            state: 'failed',
            reason: /^Exception in worker \d+: /,
            kind: 'exception',
            metrics: { worker_killed_total: 0 },
          });
          assert.match(status.reason, told);
          const [first, second] = status.workers;
          assert.deepEqual([first.state, first.errors], ['stopped', 0]);
          assert.deepEqual([second.state, second.errors, second.iterations], ['failed', 1, 1]);
        }),
      );
    }
  }
  for (const [what, statement] of Object.entries(LATER)) {
    await t.test(what, () =>
      bench.fault(
        `export default async (_id, ctx) => { if (ctx.index === 1) ${statement} await ctx.sleep(10); };`,
        {},
        async (victim) => {
          await victim.start();
          await victim.expect({
            state: 'failed',
            reason: /^Exception in worker \d+: too late$/,
            kind: 'exception',
          });
        },
      ),
    );
  }

  await t.test('under on-failure the worker starts again alone, and its sibling goes on', () =>
    bench.fault(
      `let calls = 0;
       export default async (_id, ctx) => {
         await ctx.sleep(0.005);
         if (ctx.index === 1 && calls++ === 3) throw new Error('again');
       };`,
      { restart: { policy: 'on-failure', maxRestarts: 2, backoff: { initialSeconds: 0.05 } } },
      async (victim) => {
        const { body: started } = await victim.start();
        const [sibling, failing] = started.workers;
        const { service, name } = victim;
        const status = await victim.expect({
          state: 'failed',
          reason:
            /^Exception in worker \d+: again; it is given up: 2 restarts within 30 s of running did not help$/,
          metrics: {
            'worker_restarts_total|reason="exception"': 2,
            'worker_restarts_total|reason="host"': 0,
          },
        });
        assert.deepEqual(
          status.workers.map(({ id, index }: { id: number; index: number }) => [id, index]),
          [
            [sibling.id, 0],
            [failing.id, 1],
          ],
          'the same ids and places',
        );
        assert.equal(
          status.workers[1].iterations,
          3 * 4,
          'each life made 4 calls: the module is new each time',
        );
        assert.deepEqual([status.workers[0].restarts, status.workers[1].restarts], [0, 2]);
        assert.equal(status.failures.length, 3);
        const starts = service.log.filter(({ msg, group }) => group === name && /starts again/.test(msg));
        assert.equal(starts.length, 2);
        assert.equal(status.workers[0].errors, 0, 'the sibling has noticed nothing');
      },
    ),
  );
});
