import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import test from 'node:test';
import { socketOf, Taker, takeAll } from '../support/feed.js';
import { depthIs, FeedBench } from '../support/feed-bench.js';
import { until } from '../support/service.js';

test('a worker that goes on putting after its stop does not make its host grow', async (t) => {
  const bench = await FeedBench.start(t);
  await bench.fault(
    `export default async (_id, ctx) => {
      for (;;) await ctx.put(new Uint8Array(ctx.allocate(1_000_000)).fill(1)).catch(() => {});
    };`,
    { workers: 8, feed: { capacity: 20 }, stopGraceSeconds: 3 },
    async (victim) => {
      await victim.start();
      await depthIs(victim, 20);
      const { pid } = (await bench.service.status(victim.name)).host;
      const stopped = bench.service.stop(victim.name);
      let most = 0;
      await until('the host to be killed', () => {
        const now = mostResident(pid);
        most = Math.max(most, now ?? 0);
        return now === undefined || undefined;
      });
      assert.equal((await stopped).success, false);
      // Idle it has 150 MB, and it grew by 1 GB a second.
      assert.ok(most > 100e6 && most < 600e6, `${most} bytes`);
    },
  );
});

/** The most that a process ever had, in bytes; undefined when it is gone. */
function mostResident(pid: number): number | undefined {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}

test('what is put, and how', async (t) => {
  const bench = await FeedBench.start(t);

  await t.test('items of no bytes and of 200 MB', () =>
    bench.fault(
      `export default async (_id, ctx) => {
        await ctx.put(new ArrayBuffer(0));
        await ctx.put(new Uint8Array(200_000_000).fill(7));
        await ctx.put(new DataView(new ArrayBuffer(0)), { meta: null });
        ctx.finish();
      };`,
      { workers: 1, feed: {} },
      async (victim) => {
        await victim.start();
        const taker = Taker.atPort(bench.service, victim.name);
        const [empty, large, last] = [await taker.ask(), await taker.ask(), await taker.ask('?max=5')];
        assert.deepEqual([empty.status, empty.body.length, empty.headers['x-sequence']], [200, 0, '0']);
        assert.deepEqual([large.status, large.body.length], [200, 200_000_000]);
        assert.ok(large.body.every((byte) => byte === 7));
        assert.deepEqual([last.status, last.headers['x-items']], [200, '1']);
        taker.close();
        await victim.expect({ state: 'completed', reason: null });
      },
    ),
  );

  await t.test('what cannot be put is refused with what to do about it', () =>
    bench.fault(
      `import vm from 'node:vm';
      const attempt = async (ctx, make) => {
        try { await make(); return 'taken'; } catch (error) { return error.name + ': ' + error.message; }
      };
      export default async (_id, ctx) => {
        const moved = new Uint8Array(4);
        await ctx.put(moved);
        const pooled = Buffer.from('pooled');
        const part = new Uint8Array(100).subarray(10, 12);
        const told = {
          large: await attempt(ctx, () => ctx.put(new Uint8Array(1001))),
          text: await attempt(ctx, () => ctx.put('text')),
          none: await attempt(ctx, () => ctx.put()),
          array: await attempt(ctx, () => ctx.put([1, 2])),
          object: await attempt(ctx, () => ctx.put({ length: 3 })),
          moved: await attempt(ctx, () => ctx.put(moved)),
          type: await attempt(ctx, () => ctx.put(new Uint8Array(1), { contentType: 'a\\nb: c' })),
          meta: await attempt(ctx, () => ctx.put(new Uint8Array(1), { meta: 1n })),
          options: await attempt(ctx, () => ctx.put(new Uint8Array(1), null)),
          metaLarge: await attempt(ctx, () => ctx.put(new Uint8Array(1), { meta: 'x'.repeat(9000) })),
          pooled: await attempt(ctx, () => ctx.put(pooled)),
          part: await attempt(ctx, () => ctx.put(part)),
          shared: await attempt(ctx, () => ctx.put(new Uint8Array(new SharedArrayBuffer(3)))),
          wasm: await attempt(ctx, () => ctx.put(new Uint8Array(new WebAssembly.Memory({ initial: 0 }).buffer))),
          otherRealm: await attempt(ctx, () => ctx.put(vm.runInNewContext('new ArrayBuffer(5)'))),
          otherView: await attempt(ctx, () => ctx.put(vm.runInNewContext('new Uint8Array(5)'))),
          many: await attempt(ctx, () => Promise.all(Array.from({ length: 65 }, () => ctx.put(new Uint8Array(1))))),
          lengths: [moved.length, pooled.length, part.length],
        };
        ctx.log.info('told', told);
        ctx.finish();
      };`,
      { workers: 1, feed: { maxBytes: 1000 } },
      async (victim) => {
        await victim.start();
        const record = await until('all to be told', () =>
          bench.service.log.findLast(({ msg, group }) => msg === 'told' && group === victim.name),
        );
        const told = record['fields'] as Record<string, string>;
        assert.match(told['large'] ?? '', /^RangeError: the item has 1001 bytes, .*feed\.maxBytes: 1000/);
        assert.match(
          told['text'] ?? '',
          /^TypeError: ctx\.put takes bytes, not a value of type string: encode it/,
        );
        assert.match(told['none'] ?? '', /^TypeError: .*undefined/);
        assert.match(told['array'] ?? '', /^TypeError: .*an array/);
        assert.match(told['object'] ?? '', /^TypeError: .*object: give it an ArrayBuffer/);
        assert.match(told['moved'] ?? '', /^TypeError: .*moved away before/);
        assert.match(told['type'] ?? '', /^TypeError: contentType/);
        assert.match(told['meta'] ?? '', /^TypeError: meta cannot be written as JSON/);
        assert.match(told['metaLarge'] ?? '', /^RangeError: meta has 9002 characters/);
        assert.match(told['many'] ?? '', /^RangeError: 64 items .*: await ctx\.put/);
        assert.match(told['options'] ?? '', /^TypeError: the second argument of ctx\.put is an object/);
        for (const what of ['pooled', 'part', 'shared', 'wasm', 'otherRealm', 'otherView'])
          assert.equal(told[what], 'taken', what);
        assert.deepEqual(told['lengths'], [0, 6, 2], 'what is whole is moved, of the rest a copy is put');
      },
    ),
  );

  await t.test('what a worker that has finished puts last, and does not wait for, is taken, too', () =>
    bench.fault(
      `const puts = (ctx) => { for (let i = 0; i < 3; i++) void ctx.put(new Uint8Array(8)); };
      export default (_id, ctx) => { puts(ctx); ctx.finish(); };
      export const teardown = (_id, ctx) => puts(ctx);`,
      { workers: 1, feed: { capacity: 1 }, stopGraceSeconds: 30 },
      async (victim) => {
        await victim.start();
        const taker = Taker.atSocket(await socketOf(bench.service, victim.name));
        assert.equal((await takeAll(taker)).length, 6);
        taker.close();
        await victim.expect({ state: 'completed' });
      },
    ),
  );

  await t.test('an item that the queue refuses though no stop was asked is a failure', () =>
    bench.fault(
      `import { MessagePort } from 'node:worker_threads';
      const post = MessagePort.prototype.postMessage;
      MessagePort.prototype.postMessage = function (message, transfer) {
        if (message.type !== 'put') return post.call(this, message, transfer);
        post.call(this, { ...message, bytes: new Uint8Array(2) });
      };
      export default (_id, ctx) => ctx.put(new Uint8Array(1));`,
      { workers: 2, feed: { maxBytes: 1 } },
      async (victim) => {
        await victim.start();
        await victim.expect({ state: 'failed', kind: 'exception', reason: /the feed takes no more items/ });
      },
    ),
  );

  await t.test('workers that wait for room end in order, as often as they are stopped', () =>
    bench.fault(
      'export default (_id, ctx) => ctx.put(new Uint8Array(1));',
      { workers: 4, feed: { capacity: 1 } },
      async (victim) => {
        for (let i = 0; i < 3; i++) {
          await victim.start();
          await depthIs(victim, 1);
          assert.equal((await victim.service.stop(victim.name)).success, true);
          await victim.expect({ state: 'stopped', reason: null });
        }
      },
    ),
  );

  await t.test('a put without a feed says so', () =>
    bench.fault(
      'export default (_id, ctx) => ctx.put(new Uint8Array(1));',
      { workers: 1 },
      async (victim) => {
        await victim.start();
        await victim.expect({
          state: 'failed',
          kind: 'exception',
          reason: /has no feed to put into: register it/,
        });
      },
    ),
  );

  await t.test('who waits for the trainer does not hang; who hangs after that does', () =>
    bench.fault(
      `export default async (_id, ctx) => {
        await ctx.put(Uint8Array.of(1));
        if (ctx.iteration === 2) for (;;);
      };`,
      { workers: 1, feed: { capacity: 1 }, iterationTimeoutSeconds: 0.3 },
      async (victim) => {
        await victim.start();
        await until('the put to have waited longer than a call may take', async () =>
          (await victim.service.status(victim.name)).feed.putWaitSeconds > 1 ? true : undefined,
        );
        assert.equal((await victim.service.status(victim.name)).state, 'running');
        const taker = Taker.atPort(bench.service, victim.name);
        for (let i = 0; i < 2; i++) assert.equal((await taker.ask()).status, 200);
        taker.close();
        await victim.expect({ state: 'failed', kind: 'stall' });
      },
    ),
  );

  await t.test('who hangs hangs, also while something that it has put waits for the trainer', () =>
    bench.fault(
      `export default async (_id, ctx) => {
        for (let i = 0; i < 2; i++) ctx.put(Uint8Array.of(1)).catch(() => {});
        for (;;);
      };`,
      { workers: 1, feed: { capacity: 1 }, iterationTimeoutSeconds: 0.3 },
      async (victim) => {
        await victim.start();
        await victim.expect({ state: 'failed', kind: 'stall', reason: /it hangs at / });
      },
    ),
  );

  await t.test('a socket that cannot be opened fails the start', () =>
    bench.fault('export default (_id, ctx) => ctx.sleep(1);', { workers: 1, feed: {} }, async (victim) => {
      await victim.start();
      const path = await socketOf(bench.service, victim.name);
      await victim.service.stop(victim.name);
      mkdirSync(path);
      const { status, body } = await victim.start();
      assert.deepEqual([status, body.code], [500, 'feed_failed']);
      assert.ok(body.detail.includes(path), body.detail);
      rmdirSync(path);
      assert.equal((await victim.start()).status, 200);
    }),
  );
});
