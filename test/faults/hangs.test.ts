import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { until } from '../support/service.js';

const STALL = { iterationTimeoutSeconds: 0.3 };

/** The worker with index 1 hangs in its third call. */
const hangs = (deed: string, imports = '') => `${imports}
export default async function worker(_id, ctx) {
  await ctx.sleep(0.005);
  if (ctx.index === 1 && ctx.iteration === 2) { ${deed} }
}`;

interface Hang {
  source: string;
  /** Where it hangs, as far as it can be seen: a thread in a system call, or that waits, has no stack to show. */
  at?: RegExp;
  /** The thread cannot be ended, and its host has to be. */
  stuck?: boolean;
}

const HANGS: Record<string, Hang> = {
  'an infinite loop': {
    source: `function endless() { for (;;); }\n${hangs('endless();')}`,
    at: /it hangs at endless \(.*\.mjs:1:\d+\)/,
  },
  'a loop of microtasks': { source: hangs('for (;;) await null;'), at: /it (hangs|waits)/ },
  'Atomics.wait': {
    source: hangs('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);'),
    at: /it hangs at worker \(.*\.mjs:/,
  },
  'a promise that never settles': { source: hangs('await new Promise(() => {});') },
  'a catastrophic regular expression': {
    source: hangs("/^(a+)+$/.test('a'.repeat(60) + 'b');"),
    at: /it hangs at worker \(.*\.mjs:/,
  },
  "execSync('sleep 60')": {
    source: hangs("execSync('sleep 60');", "import { execSync } from 'node:child_process';"),
    stuck: true,
  },
  'the opening of a FIFO': {
    source: hangs("openSync(new URL('fifo', import.meta.url));", "import { openSync } from 'node:fs';"),
    stuck: true,
  },
};

test('calls that never return', async (t) => {
  const bench = await FaultBench.start(t);
  execFileSync('mkfifo', [bench.path('fifo')]);
  for (const [what, { source, at, stuck }] of Object.entries(HANGS)) {
    await t.test(what, () =>
      bench.fault(source, STALL, async (victim) => {
        const { body } = await victim.start();
        assert.equal(body.state, 'running');
        const status = await victim.expect({
          state: 'failed',
          kind: 'stall',
          reason:
            /^Worker \d+ stalled: a call has taken 0.\d+ s, more than iterationTimeoutSeconds \(0.3 s\)/,
          metrics: { worker_stalls_total: 1, worker_killed_total: 1 },
        });
        assert.match(
          status.reason,
          at ?? /it waits for something, sits in a system call, or had no turn to answer/,
        );
        assert.deepEqual(
          status.workers.map(({ state }: { state: string }) => state),
          ['stopped', 'failed'],
        );
        if (stuck) assert.match(status.reason, /did not stop within the grace of 1 s: killed/);
      }),
    );
    await t.test(`${what}, under on-failure`, () =>
      bench.fault(
        source,
        { ...STALL, restart: { policy: 'on-failure', backoff: { initialSeconds: 0.05 }, maxRestarts: 50 } },
        async (victim) => {
          const { body } = await victim.start();
          const status = await until('it to have come back and to run', async () => {
            const now = await victim.service.status(victim.name);
            return now.totals.restarts >= 1 && now.state === 'running' && now.workers[1].state === 'running'
              ? now
              : undefined;
          });
          assert.deepEqual(
            status.workers.map(({ id }: { id: number }) => id),
            body.workers.map(({ id }: { id: number }) => id),
          );
          if (!stuck) assert.equal(status.host.pid, body.host.pid, 'only the worker started again');
          assert.equal(status.failures[0].kind, 'stall');
          await victim.service.stop(victim.name);
        },
      ),
    );
  }

  await t.test('all workers at once: none of them gets the grace', () =>
    bench.fault(
      // All three are in their loops before the first of them hangs: a group that fails asks the others to stop.
      `export const init = () => new Int32Array(new SharedArrayBuffer(4));
       export default async (_id, ctx) => {
         if (ctx.iteration === 0) Atomics.add(ctx.shared, 0, 1);
         await ctx.sleep(0.005);
         if (Atomics.load(ctx.shared, 0) === 3) for (;;);
       };`,
      { ...STALL, workers: 3, stopGraceSeconds: 20 },
      async (victim) => {
        await victim.start();
        await victim.expect({
          state: 'failed',
          kind: 'stall',
          metrics: { worker_stalls_total: 3, worker_killed_total: 3 },
        });
      },
    ),
  );

  await t.test('a call that stalls after stop was asked: killed, named, and no success', () =>
    bench.fault(hangs('for (;;);'), { iterationTimeoutSeconds: 1, stopGraceSeconds: 20 }, async (victim) => {
      const { body } = await victim.start();
      await until('the hang', async () =>
        (await victim.service.status(victim.name)).workers[1].iterations === 2 ? true : undefined,
      );
      const report = await victim.service.stop(victim.name);
      assert.deepEqual([report.success, report.groups[0].killed], [false, [body.workers[1].id]]);
      assert.match(report.groups[0].reason, /stalled: a call has taken/);
      await victim.expect({ state: 'stopped', metrics: { worker_killed_total: 1, worker_stalls_total: 1 } });
    }),
  );

  await t.test('a pause of the whole host is no stall', () =>
    bench.fault(
      `export default (_id, ctx) => { const until = performance.now() + 200; while (performance.now() < until); };`,
      { iterationTimeoutSeconds: 1, workers: 1 },
      async (victim) => {
        const { body } = await victim.start();
        process.kill(body.host.pid, 'SIGSTOP');
        // What this is about is time that passes.
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        process.kill(body.host.pid, 'SIGCONT');
        const { iterations } = (await victim.service.status(victim.name)).totals;
        await until('the worker to go on', async () =>
          (await victim.service.status(victim.name)).totals.iterations > iterations + 5 ? true : undefined,
        );
        await victim.expect({ state: 'running', metrics: { worker_stalls_total: 0 } });
      },
    ),
  );

  await t.test('the stack of a stall is in the log', () =>
    bench.fault(HANGS['an infinite loop']?.source ?? '', STALL, async (victim) => {
      await victim.start();
      await victim.expect({ state: 'failed' });
      const told = victim.service.log.find(
        (line) => line['group'] === victim.name && /stalled: a call/.test(line.msg) && 'stack' in line,
      );
      assert.match(String(told?.['stack']), /at endless .*\n\s+at worker /);
    }),
  );

  await t.test(
    'a slow call that is within the time-out, and a worker that waits for its turn, are no stalls',
    () =>
      bench.fault(
        `export default async (_id, ctx) => { if (ctx.iteration === 0) await ctx.sleep(0.15); };`,
        { iterationTimeoutSeconds: 0.3, intervalSeconds: 0.5 },
        async (victim) => {
          await victim.start();
          await until('each worker to have made three calls', async () => {
            const { workers } = await victim.service.status(victim.name);
            return workers.every(({ iterations }: { iterations: number }) => iterations >= 3) || undefined;
          });
          await victim.expect({ state: 'running', metrics: { worker_stalls_total: 0 } });
        },
      ),
  );
});
