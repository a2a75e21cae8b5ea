import assert from 'node:assert/strict';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { until } from '../support/service.js';
import { writeFiles } from '../support/workers-dir.js';

/** What a hook can do instead of its work, as a statement. */
const DEEDS = {
  throws: "throw new Error('it broke');",
  'never returns': 'await new Promise(() => {});',
  spins: 'for (;;);',
};
type Deed = keyof typeof DEEDS;

const REST = 'export default async (_id, ctx) => { await ctx.sleep(0.01); };';
const withHook = (hook: string, deed: Deed) => `${REST}\nexport async function ${hook}() { ${DEEDS[deed]} }`;
const deeds = Object.keys(DEEDS) as Deed[];
/** Short where it is waited for, but long enough to get to the hook. */
const limitOf = (deed: Deed) => (deed === 'throws' ? 30 : 2);

test('hooks that fail or hang at the start', async (t) => {
  const bench = await FaultBench.start(t);
  const expected = {
    init: {
      throws: /^The init hook of group "[\w-]+" failed: it broke$/,
      hangs: /did not start within 2 s: init/,
    },
    setup: {
      throws: /^Exception in worker \d+ \(setup\): it broke$/,
      hangs: /did not start within 2 s: setup/,
    },
  };
  for (const [hook, told] of Object.entries(expected)) {
    for (const deed of deeds) {
      await t.test(`${hook} ${deed}`, () =>
        bench.fault(withHook(hook, deed), { startTimeoutSeconds: limitOf(deed) }, async (victim) => {
          const { status, body } = await victim.start();
          const code = deed === 'throws' ? `${hook}_failed` : 'start_timeout';
          assert.deepEqual([status, body.code], [deed === 'throws' ? 500 : 504, code]);
          const reason = deed === 'throws' ? told.throws : told.hangs;
          assert.match(body.detail, reason);
          await victim.expect({ state: 'failed', kind: 'start' });
        }),
      );
    }
  }

  await t.test('an init that fails is tried again under on-failure, and the answer says so', () =>
    bench.fault(
      withHook('init', 'throws'),
      { restart: { policy: 'on-failure', maxRestarts: 2, backoff: { initialSeconds: 0.05 } } },
      async (victim) => {
        const { status, body } = await victim.start();
        assert.deepEqual([status, body.code], [500, 'init_failed']);
        assert.match(body.detail, /it broke \(The restart policy tries again at \d{4}-.*Z\.\)$/);
        const failed = await victim.expect({
          state: 'failed',
          reason: /it broke; it is given up: 2 restarts within 30 s/,
          metrics: { 'worker_restarts_total|reason="start"': 2 },
        });
        assert.equal(failed.failures.length, 3);
      },
    ),
  );
});

test('hooks that fail or hang at the stop', async (t) => {
  const bench = await FaultBench.start(t);
  const hanging = {
    shutdown: /^The shutdown hook did not finish within the grace of 0.3 s: killed$/,
    cleanup: /^The cleanup hook did not finish within the grace of 0.3 s: killed$/,
    teardown: /^Workers \d+, \d+ did not stop within the grace of 0.3 s: killed$/,
  };
  for (const [hook, told] of Object.entries(hanging)) {
    for (const deed of deeds) {
      await t.test(`${hook} ${deed}`, () =>
        bench.fault(withHook(hook, deed), { stopGraceSeconds: 0.3 }, async (victim) => {
          assert.equal((await victim.start()).status, 200);
          const report = await victim.service.stop(victim.name);
          const [{ killed, reason }] = report.groups;
          if (deed === 'throws') {
            assert.deepEqual([report.success, killed], [true, []]);
            assert.match(reason, new RegExp(`${hook}.*it broke`));
          } else {
            assert.deepEqual([report.success, killed.length], [false, hook === 'teardown' ? 2 : 0]);
            assert.match(reason, told);
          }
          await victim.expect({ state: 'stopped', metrics: { worker_killed_total: killed.length } });
        }),
      );
    }
  }
});

test('a teardown that fails or hangs after the last call', async (t) => {
  const bench = await FaultBench.start(t);
  for (const deed of deeds) {
    await t.test(`teardown ${deed}`, () =>
      bench.fault(
        withHook('teardown', deed).replace('0.01', '0'),
        { maxIterations: 3, stopGraceSeconds: 0.5, workers: 1 },
        async (victim) => {
          await victim.start();
          const reason =
            deed === 'throws'
              ? /^Exception in worker \d+ \(teardown\): it broke$/
              : /^Worker \d+ did not end within the grace of 0.5 s after its last call: its teardown hangs/;
          const { totals } = await victim.expect({ state: 'failed', kind: 'exception', reason });
          assert.equal(totals.iterations, 3);
        },
      ),
    );
  }
});

test('loggers that fail or hang hurt nobody', async (t) => {
  const bench = await FaultBench.start(t);
  const told = {
    throws: /^Failed to call logger .*: it broke$/,
    'never returns': /^The loggers did not return within 1 s of the stop$/,
    spins: /^The loggers did not return within 1 s of the stop$/,
  };
  for (const deed of deeds) {
    await t.test(`a logger ${deed}`, () => {
      writeFiles(bench.directory, { 'logger.mjs': `export async function log() { ${DEEDS[deed]} }` });
      const spec = { loggers: ['logger.mjs'], logIntervalSeconds: 0.1, stopGraceSeconds: 3 };
      return bench.fault(REST, spec, async (victim) => {
        assert.equal((await victim.start()).status, 200);
        const { iterations } = (await victim.service.status(victim.name)).totals;
        await until('the workers to go on', async () =>
          (await victim.service.status(victim.name)).totals.iterations > iterations + 20 ? true : undefined,
        );
        assert.equal((await victim.service.stop(victim.name)).success, true);
        await victim.expect({ state: 'stopped', reason: null, metrics: { worker_killed_total: 0 } });
        const { log } = victim.service;
        assert.ok(
          log.some(({ msg, group }) => group === victim.name && told[deed].test(msg)),
          deed,
        );
      });
    });
  }
});
