import assert from 'node:assert/strict';
import { copyFileSync, linkSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { FaultBench } from '../support/fault-bench.js';
import { requiresFile } from '../support/requires.js';
import { until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;

test('the time of day jumps: no timer is moved by it', requiresFile(FAKETIME, 'libfaketime'), async (t) => {
  const offset = join(temporaryDirectory(t), 'offset');
  const jump = (to: string) => writeFileSync(offset, to);
  jump('+0');
  const bench = await FaultBench.start(t, {
    env: {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: offset,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  });
  const source = `
    export default async (_id, ctx) => {
      if (ctx.iteration % 20 === 0) ctx.log.info('year ' + new Date().getUTCFullYear());
      await ctx.sleep(0.01);
    };`;
  const spec = { iterationTimeoutSeconds: 2, intervalSeconds: 0.02, workers: 1 };
  await bench.fault(source, spec, async (victim) => {
    const { service, name } = victim;
    await victim.start();
    for (const [to, years] of [
      ['+3650d', 10],
      ['-3650d', -10],
      ['+0', 0],
    ] as const) {
      jump(to);
      const year = `year ${new Date(Date.now() + years * 365 * 86_400_000).getUTCFullYear()}`;
      const before = service.log.length;
      await until(
        `the workers to see ${year}`,
        () => service.log.slice(before).some(({ msg, group }) => msg === year && group === name) || undefined,
      );
      const from = { at: performance.now(), calls: (await service.status(name)).totals.iterations };
      const now = await until('twenty more calls', async () => {
        const status = await service.status(name);
        return status.totals.iterations >= from.calls + 20 ? status : undefined;
      });
      assert.ok(performance.now() - from.at < 5_000, 'at the pace of before');
      assert.deepEqual([now.state, now.totals.stalls, now.failures], ['running', 0, []], to);
      const age = Date.now() + years * 365 * 86_400_000 - Date.parse(now.workers[0].lastProgress);
      assert.ok(Math.abs(age) < 2 * 86_400_000, 'the last progress is told by the new time of day');
    }
    const stopped = await service.stop(name);
    assert.ok(stopped.success && stopped.seconds < 1, `the stop took ${stopped.seconds} s`);
  });
});

test('no descriptors are left in the host', async (t) => {
  const bench = await FaultBench.start(t, { launcher: ['sh', '-c', 'ulimit -n 256; exec "$0" "$@"'] });
  const source = `
    import { openSync } from 'node:fs';
    const all = [];
    export default async (_id, ctx) => {
      await ctx.sleep(0.001);
      if (ctx.index === 1 && ctx.iteration > 2) for (;;) all.push(openSync('/dev/null'));
    };`;
  await t.test('the group fails, with the reason', () =>
    bench.fault(source, {}, async (victim) => {
      await victim.start();
      await victim.expect({ state: 'failed', reason: /EMFILE/ });
    }),
  );
  await t.test('under on-failure with the scope group it gets a new host, and new descriptors', () => {
    const restart = {
      policy: 'on-failure',
      scope: 'group',
      maxRestarts: 2,
      backoff: { initialSeconds: 0.05 },
    };
    return bench.fault(source, { restart }, async (victim) => {
      await victim.start();
      await victim.expect({ state: 'failed', reason: /EMFILE.*it is given up: 2 restarts/ });
      assert.equal((await victim.service.status(victim.name)).totals.restarts, 2);
    });
  });
});

test('a host that cannot be started, for a while', async (t) => {
  // The hosts run the same Node as the service: without its file there can be no process.
  const node = join(temporaryDirectory(t), 'node');
  try {
    linkSync(process.execPath, node);
  } catch {
    copyFileSync(process.execPath, node);
  }
  // One that is kept ready has been started already.
  const bench = await FaultBench.start(t, { node, env: { PW_WARM_HOSTS: '0' } });
  const restart = { policy: 'on-failure', maxRestarts: 1000, backoff: { initialSeconds: 0.05, factor: 1 } };
  const source = 'export default async (_id, ctx) => { await ctx.sleep(0.01); };';
  await t.test('fails the group at once', () =>
    bench.fault(source, {}, async (victim) => {
      renameSync(node, `${node}.away`);
      const { status, body } = await victim.start();
      renameSync(`${node}.away`, node);
      assert.deepEqual([status, body.code], [500, 'host_failed']);
      await victim.expect({
        state: 'failed',
        kind: 'host',
        reason: /could not be started \(spawn .* ENOENT\)/,
      });
    }),
  );
  await t.test('under on-failure the group comes back when it can', () =>
    bench.fault(source, { restart }, async (victim) => {
      renameSync(node, `${node}.away`);
      await victim.start();
      await until('a second try', async () =>
        (await victim.service.status(victim.name)).totals.restarts >= 2 ? true : undefined,
      );
      renameSync(`${node}.away`, node);
      await victim.expect({ state: 'running', reason: null });
    }),
  );
});

test('priority: the host and all its threads are as nice as they were told', async (t) => {
  const bench = await FaultBench.start(t);
  const source = 'export default async (_id, ctx) => { await ctx.sleep(0.01); };';
  await bench.fault(source, { nice: 7 }, async (victim) => {
    const { body } = await victim.start();
    const priorities = readdirSync(`/proc/${body.host.pid}/task`).map((thread) => {
      const stat = readFileSync(`/proc/${body.host.pid}/task/${thread}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16];
    });
    assert.ok(priorities.length > 5);
    assert.deepEqual(new Set(priorities), new Set(['7']));
  });
});
