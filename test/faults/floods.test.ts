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

  await t.test('a function that returns at once costs the control plane nothing', () =>
    bench.fault('export default () => {};', {}, async (victim) => {
      const cpu = async () => (await victim.service.metric('process_cpu_seconds_total')) ?? 0;
      await victim.start();
      const from = { cpu: await cpu(), at: performance.now() };
      const status = await until('ten million calls', async () => {
        const now = await victim.service.status(victim.name);
        return now.totals.iterations > 10_000_000 ? now : undefined;
      });
      assert.equal(status.state, 'running');
      // What it uses is for the questions of this test.
      const share = (((await cpu()) - from.cpu) * 1000) / (performance.now() - from.at);
      assert.ok(share < 0.7, `the control plane used ${share.toFixed(2)} of a core`);
    }),
  );
});
