import assert from 'node:assert/strict';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { until } from '../support/service.js';

/** The worker with index 1 fills memory until something gives. */
const fills = (setup: string, more: string) => `
${setup}
export default async (_id, ctx) => {
  await ctx.sleep(0.005);
  if (ctx.index === 1 && ctx.iteration >= 2) for (let i = 0; i < 1000; i++) { ${more} }
};`;

const HEAP = {
  'an array': fills('const all = [];', 'all.push(new Array(1000).fill(i));'),
  'one array that grows': fills('let all = [];', 'for (let k = 0; k < 10000; k++) all.push(k * 1.1);'),
  'a Map': fills(
    'const all = new Map();',
    "all.set(ctx.iteration + '-' + i, { text: ('text ' + i).repeat(50) });",
  ),
};

test('a worker that fills the heap', async (t) => {
  const bench = await FaultBench.start(t);
  const told = /heap limit of 64 MiB \(limits\.heapMb\)/;
  for (const [what, source] of Object.entries(HEAP)) {
    await t.test(what, () =>
      bench.fault(source, { limits: { heapMb: 64 } }, async (victim) => {
        await victim.start();
        await victim.expect({ state: 'failed', kind: 'memory', reason: told });
      }),
    );
  }
  await t.test('under on-failure it comes back', () =>
    bench.fault(
      HEAP['a Map'],
      {
        limits: { heapMb: 64 },
        restart: { policy: 'on-failure', maxRestarts: 50, backoff: { initialSeconds: 0.05 } },
      },
      async (victim) => {
        await victim.start();
        const status = await until('it to run again', async () => {
          const now = await victim.service.status(victim.name);
          return now.totals.restarts >= 1 && now.state === 'running' ? now : undefined;
        });
        assert.equal(status.failures[0].kind, 'memory');
        assert.match(status.failures[0].reason, told);
      },
    ),
  );
});

test('a worker that fills buffers, which no heap limit counts', async (t) => {
  const bench = await FaultBench.start(t);
  const source = `
    const all = [];
    export default async (_id, ctx) => {
      await ctx.sleep(0.005);
      if (ctx.index === 1) all.push(Buffer.alloc(4 * 1024 * 1024, 1));
    };`;
  const reason =
    /uses (\d+) MiB of memory, more than its limit of 300 MiB \(limits\.rssMb\); the host was killed$/;
  await t.test('is killed with its host', () =>
    bench.fault(source, { limits: { rssMb: 300, heapMb: 64 } }, async (victim) => {
      await victim.start();
      const status = await victim.expect({
        state: 'failed',
        kind: 'memory',
        reason,
        metrics: { worker_killed_total: 2 },
      });
      const used = Number(reason.exec(status.reason)?.[1]);
      assert.ok(used > 300 && used < 1000, `${used} MiB: it was noticed in time`);
    }),
  );
  await t.test('in init as well', () =>
    bench.fault(
      `const all = [];
       export async function init() {
         for (let i = 0; i < 1000; i++) {
           all.push(Buffer.alloc(4 * 1024 * 1024, 1));
           await new Promise((resolve) => setTimeout(resolve, 2));
         }
       }
       export default async () => {};`,
      { limits: { rssMb: 300, heapMb: null } },
      async (victim) => {
        const { status, body } = await victim.start();
        assert.deepEqual([status, body.code], [500, 'host_failed']);
        await victim.expect({ state: 'failed', kind: 'memory', reason });
      },
    ),
  );
});
