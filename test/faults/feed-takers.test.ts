import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import type { Victim } from '../support/fault-bench.js';
import { allMarks, asksAndSleeps, socketOf, Taker, takeAll } from '../support/feed.js';
import { depthIs, FEEDS, FeedBench } from '../support/feed-bench.js';
import { DIES, GOES, runPython } from '../support/goers.js';
import { requires } from '../support/requires.js';
import { until } from '../support/service.js';

const MB = 1_000_000;

test('faults of takers', async (t) => {
  const bench = await FeedBench.start(t);

  await t.test(
    'a taker killed in mid-body: its item comes again, before the others',
    requires('python3'),
    () =>
      bench.fault(FEEDS, { workers: 1, params: { bytes: 4 * MB, count: 3 }, feed: {} }, async (victim) => {
        await victim.start();
        const path = await socketOf(bench.service, victim.name);
        await depthIs(victim, 3);
        assert.equal(await runPython(DIES, path), 'SIGKILL');
        await depthIs(victim, 3);
        const taker = Taker.atSocket(path);
        assert.deepEqual(await takeAll(taker), ['0:0', '0:1', '0:2']);
        taker.close();
        const { feed } = await victim.expect({ state: 'completed' });
        assert.deepEqual([feed.takenItems, feed.dropped], [3, 0]);
      }),
  );

  await t.test('a client of the port that goes in mid-body, or while it waits: the same', () =>
    bench.fault(FEEDS, { workers: 1, params: { bytes: 40 * MB, count: 2 }, feed: {} }, async (victim) => {
      await victim.start();
      await depthIs(victim, 2);
      const gone = Taker.atPort(bench.service, victim.name);
      const answer = await gone.open();
      answer.on('error', () => {});
      await once(answer, 'data');
      gone.close();
      const taker = Taker.atPort(bench.service, victim.name);
      assert.equal((await taker.several(1))?.length, 1);
      assert.equal((await taker.several(1))?.length, 1);
      taker.close();
      await victim.expect({ state: 'completed' });
    }),
  );

  await t.test(
    'takers that go in mid-answer again and again: every item once, small ones and large',
    requires('python3'),
    async () => {
      for (const [bytes, count] of [
        [64, 3_000],
        [100_000, 200],
      ] as const) {
        await bench.fault(
          FEEDS,
          { workers: 4, params: { bytes, count, atOnce: 4 }, feed: {} },
          async (victim) => {
            await victim.start();
            const path = await socketOf(bench.service, victim.name);
            const gone = runPython(GOES, path, '30');
            const takers = [Taker.atSocket(path), Taker.atSocket(path)];
            // Whoever comes back late finds somebody who takes what it leaves.
            const taken = await Promise.all(takers.map((taker) => takeAll(taker, 10)));
            await gone;
            assert.deepEqual(taken.flat().sort(), allMarks(4, count));
            for (const taker of takers) taker.close();
            const { feed } = await victim.expect({ state: 'completed' });
            assert.deepEqual([feed.takenItems, feed.dropped], [4 * count, 0]);
          },
        );
      }
    },
  );

  await t.test(
    'a taker that asks ahead and goes: what it asked for comes again, and what it waited for is not kept for it',
    () =>
      bench.fault(FEEDS, { workers: 1, params: { bytes: 20 * MB, count: 4 }, feed: {} }, async (victim) => {
        await victim.start();
        const path = await socketOf(bench.service, victim.name);
        const port = Number(new URL(bench.service.url).port);
        for (const [target, take] of [
          [{ path }, '/take'],
          [{ port }, `/v1/groups/${victim.name}/feed/take`],
        ] as const) {
          await depthIs(victim, 4);
          const ahead = await asksAndSleeps(target, `${take}?waitSeconds=300`, 6);
          await until('all to be handed out', async () => {
            const { feed } = await victim.service.status(victim.name);
            return feed.depth === 0 && feed.takers === 2 ? true : undefined;
          });
          ahead.destroy();
          await until('nobody to wait', async () =>
            (await victim.service.status(victim.name)).feed.takers === 0 ? true : undefined,
          );
        }
        await depthIs(victim, 4);
        const taker = Taker.atSocket(path);
        assert.deepEqual(await takeAll(taker, 1), ['0:0', '0:1', '0:2', '0:3']);
        taker.close();
        const { feed } = await victim.expect({ state: 'completed' });
        assert.deepEqual([feed.takenItems, feed.dropped], [4, 0]);
      }),
  );

  await t.test('takers that never read: memory stays bounded, and others get what they ask for', () =>
    bench.fault(
      FEEDS,
      { workers: 2, params: { bytes: MB }, feed: { capacity: 40 }, limits: { rssMb: 260 } },
      async (victim) => {
        await victim.start();
        const path = await socketOf(bench.service, victim.name);
        const sleepers = await Promise.all(
          Array.from({ length: 5 }, () => asksAndSleeps({ path }, '/take?max=4')),
        );
        const taker = Taker.atSocket(path);
        for (let i = 0; i < 300; i++) assert.equal((await taker.several(1))?.length, 1);
        const { host, feed, state } = await victim.service.status(victim.name);
        assert.equal(state, 'running');
        assert.ok(feed.bytes <= 40 * MB, `${feed.bytes} bytes are held`);
        assert.ok(host.memoryBytes < (40 + 160) * MB, `the host has ${host.memoryBytes} bytes`);
        for (const socket of sleepers) socket.destroy();
        taker.close();
      },
    ),
  );

  for (const [how, end] of [
    ['the group is stopped', stopGroup],
    ['the host is killed', killHost],
  ] as const) {
    await t.test(`${how} while a taker is in mid-answer: what it had not got is counted as lost`, () =>
      bench.fault(FEEDS, { workers: 1, params: { bytes: 4 * MB, count: 4 }, feed: {} }, async (victim) => {
        await victim.start();
        await depthIs(victim, 4);
        const taker = await asksAndSleeps({ path: await socketOf(bench.service, victim.name) }, '/take');
        await depthIs(victim, 3);
        await end(victim);
        const { feed } = await victim.service.status(victim.name);
        assert.deepEqual([feed.takenItems, feed.dropped], [0, 4]);
        taker.destroy();
      }),
    );
  }

  await t.test(
    'the host is killed when a taker has read an answer: it is counted as taken, the rest as lost',
    () =>
      bench.fault(
        FEEDS,
        { workers: 1, params: { bytes: 64, count: 1_000 }, feed: { capacity: 1_000 } },
        async (victim) => {
          await victim.start();
          await depthIs(victim, 1_000);
          const taker = Taker.atSocket(await socketOf(bench.service, victim.name));
          assert.equal((await taker.several(600))?.length, 600);
          await depthIs(victim, 400);
          await killHost(victim);
          const { feed } = await victim.service.status(victim.name);
          assert.deepEqual([feed.takenItems, feed.takenBytes, feed.dropped], [600, 600 * 64, 400]);
          taker.close();
        },
      ),
  );
});

async function stopGroup(victim: Victim): Promise<void> {
  assert.equal((await victim.service.stop(victim.name)).success, true);
}

async function killHost(victim: Victim): Promise<void> {
  process.kill((await victim.service.status(victim.name)).host.pid, 'SIGKILL');
  await victim.service.reaches(victim.name, 'failed');
}
