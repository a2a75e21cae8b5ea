import assert from 'node:assert/strict';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { until } from '../support/service.js';

/** The worker with index 1 does this in its third call. */
const once = (deed: string) => `
import v8 from 'node:v8';
import { writeSync } from 'node:fs';
export default async (_id, ctx) => {
  await ctx.sleep(0.005);
  if (ctx.index === 1 && ctx.iteration === 2) { ${deed} }
};`;

/** V8's own functions, called with arguments that no compiler would let through: memory that is not there is read. */
const SEGFAULT =
  "v8.setFlagsFromString('--allow-natives-syntax'); new Function('return %StringAdd(1, 2)')();";

const THREAD_ENDS: Record<string, [deed: string, reason: RegExp]> = {
  'process.exit(0)': ['process.exit(0)', /^Worker \d+ ended its own thread \(exited with code: 0\)/],
  'process.exit(1)': ['process.exit(1)', /^Worker \d+ ended its own thread \(exited with code: 1\)/],
};

const HOST_ENDS: Record<string, [deed: string, reason: RegExp]> = {
  SIGABRT: ["process.kill(process.pid, 'SIGABRT'); await ctx.sleep(60);", /died: it was ended by SIGABRT$/],
  'process.kill(process.pid)': [
    'process.kill(process.pid); await ctx.sleep(60);',
    /died: it was ended by SIGTERM$/,
  ],
  'a real SIGSEGV': [SEGFAULT, /died: it was ended by SIGSEGV$/],
  'SIGKILL, with last words': [
    "writeSync(2, 'this is the end\\n'); process.kill(process.pid, 'SIGKILL'); await ctx.sleep(60);",
    /died: it was ended by SIGKILL. Its last words: this is the end$/,
  ],
};

test('a worker that ends its thread', async (t) => {
  const bench = await FaultBench.start(t);
  for (const [what, [deed, reason]] of Object.entries(THREAD_ENDS)) {
    await t.test(what, () =>
      bench.fault(once(deed), {}, async (victim) => {
        await victim.start();
        const { workers } = await victim.expect({ state: 'failed', reason, kind: 'exit' });
        assert.deepEqual(
          workers.map(({ state }: { state: string }) => state),
          ['stopped', 'failed'],
        );
      }),
    );
  }
  await t.test('process.abort(), which Node refuses to threads', () =>
    bench.fault(once('process.abort()'), {}, async (victim) => {
      await victim.start();
      await victim.expect({
        state: 'failed',
        reason: /^Exception in worker \d+: process.abort\(\) is not supported in workers$/,
        kind: 'exception',
      });
    }),
  );
  await t.test('process.exit under on-failure: a fresh thread, the same id', () =>
    bench.fault(
      once('process.exit(1)'),
      { restart: { policy: 'on-failure', backoff: { initialSeconds: 0.05 }, maxRestarts: 100 } },
      async (victim) => {
        const { body } = await victim.start();
        const status = await until('two restarts', async () => {
          const now = await victim.service.status(victim.name);
          return now.workers[1].restarts >= 2 ? now : undefined;
        });
        assert.deepEqual([status.state, status.host.pid], ['running', body.host.pid], 'the host goes on');
        assert.equal(status.workers[1].id, body.workers[1].id);
        assert.equal((await victim.service.stop(victim.name)).success, true);
      },
    ),
  );
});

test('a worker that ends the process it runs in', async (t) => {
  const bench = await FaultBench.start(t);
  for (const [what, [deed, reason]] of Object.entries(HOST_ENDS)) {
    await t.test(what, () =>
      bench.fault(once(deed), {}, async (victim) => {
        await victim.start();
        await victim.expect({ state: 'failed', reason, kind: 'host' });
      }),
    );
    await t.test(`${what}, under on-failure`, () =>
      bench.fault(
        once(deed),
        { restart: { policy: 'on-failure', maxRestarts: 2, backoff: { initialSeconds: 0.05 } } },
        async (victim) => {
          const { workers } = await victim.service.status(victim.name);
          const ids = workers.map(({ id }: { id: number }) => id);
          // It may die before the start is answered.
          await victim.start();
          const status = await victim.expect({
            state: 'failed',
            kind: 'host',
            reason: /it is given up: 2 restarts within 30 s of running did not help/,
            metrics: { 'worker_restarts_total|reason="host"': 2 },
          });
          assert.deepEqual(
            status.workers.map(({ id }: { id: number }) => id),
            ids,
          );
          assert.deepEqual([status.totals.restarts, status.failures.length, status.host], [2, 3, null]);
        },
      ),
    );
  }
});
