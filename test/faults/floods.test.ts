import assert from 'node:assert/strict';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { until } from '../support/service.js';

const FLOODS: Record<string, { deed: string; metric: string; least: number }> = {
  'log lines': {
    deed: "for (let i = 0; i < 100_000; i++) ctx.log.info('line', { i });",
    metric: 'worker_log_lines_dropped_total',
    least: 98_000,
  },
  'long log lines': {
    deed: "for (let i = 0; i < 100_000; i++) ctx.log.info('x'.repeat(8_000));",
    metric: 'worker_log_lines_dropped_total',
    least: 99_000,
  },
  'lines on the console': {
    deed: "for (let i = 0; i < 100_000; i++) console.log('line', i);",
    metric: 'worker_log_lines_dropped_total',
    least: 98_000,
  },
  'messages to the parent': {
    deed: "for (let i = 0; i < 100_000; i++) parentPort.postMessage({ i, text: 'x'.repeat(100) });",
    metric: 'worker_messages_dropped_total',
    least: 100_000,
  },
};

test('100,000 at once', async (t) => {
  const bench = await FaultBench.start(t);
  for (const [what, { deed, metric, least }] of Object.entries(FLOODS)) {
    await t.test(what, () =>
      bench.fault(
        `import { parentPort } from 'node:worker_threads';
         export default async (_id, ctx) => {
           if (ctx.iteration === 0) { ${deed} }
           await ctx.sleep(0.01);
         };`,
        { workers: 1 },
        async (victim) => {
          await victim.start();
          await until('the flood to be over', async () =>
            (await victim.service.status(victim.name)).totals.iterations > 5 ? true : undefined,
          );
          const report = await victim.service.stop(victim.name);
          assert.equal(report.success, true, JSON.stringify(report));
          await victim.expect({ state: 'stopped', reason: null });
          const dropped = await victim.service.metric(`${metric}{group="${victim.name}"}`);
          assert.ok(
            dropped !== undefined && dropped >= least && dropped <= 100_000,
            `${dropped} were dropped`,
          );
        },
      ),
    );
  }

  await t.test('what a worker has lost before it was killed is counted', () =>
    bench.fault(
      `export default (_id, ctx) => {
         for (let i = 0; i < 5_000; i++) ctx.log.info('line');
         for (;;);
       };`,
      { workers: 1, stopGraceSeconds: 0.5 },
      async (victim) => {
        await victim.start();
        const dropped = () => victim.service.metric(`worker_log_lines_dropped_total{group="${victim.name}"}`);
        await until('the flood to be over', async () => ((await dropped()) ?? 0) >= 3_900 || undefined);
        assert.equal((await victim.service.stop(victim.name)).success, false);
        const lost = (await dropped()) ?? 0;
        assert.ok(lost >= 3_900 && lost <= 4_000, `${lost} of 5,000 were dropped`);
      },
    ),
  );

  await t.test('a function that returns at once costs the control plane nothing', () =>
    bench.fault('export default () => {};', {}, async (victim) => {
      const cpu = async () => (await victim.service.metric('process_cpu_seconds_total')) ?? 0;
      await victim.start();
      const from = { cpu: await cpu(), at: performance.now() };
      // Nobody asks anything meanwhile but the probe of /livez.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      const share = (((await cpu()) - from.cpu) * 1000) / (performance.now() - from.at);
      const { totals } = await victim.expect({ state: 'running', reason: null });
      assert.ok(totals.iterations > 1_000_000, `${totals.iterations} calls`);
      assert.ok(share < 0.25, `the control plane used ${share.toFixed(2)} of a core`);
    }),
  );
});
