import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import test, { type TestContext } from 'node:test';
import { expectGroup, type Victim } from '../support/fault-bench.js';
import { allMarks, markOf, socketOf, Taker } from '../support/feed.js';
import type { Target } from '../support/raw-http.js';
import { MODULES, type Service, startService, until } from '../support/service.js';
import { workersDir, writeFiles } from '../support/workers-dir.js';

const FEEDS = readFileSync(`${MODULES}feeds.mjs`, 'utf8');
const MB = 1_000_000;

/** Takes all that is left, in answers of up to `max` items, and returns the marks. */
async function takeAll(taker: Taker, max = 50): Promise<string[]> {
  const marks: string[] = [];
  for (;;) {
    const items = await taker.several(max).catch((error) => {
      if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code)) return undefined;
      throw error;
    });
    if (items === undefined) return marks;
    marks.push(...items.map(({ data }) => markOf(data)));
  }
}

/** Dies with an answer of which it has read the beginning. */
const DIES = `
import os, signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"POST /take?max=2 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n")
s.recv(100_000)
os.kill(os.getpid(), signal.SIGKILL)`;

/** Goes again and again, with an answer that it has read in part, or not at all; until there is nobody to ask. */
const GOES = `
import select, socket, sys
for i in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(sys.argv[1])
        s.sendall(b"POST /take?max=20&waitSeconds=1 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n")
        select.select([s], [], [])
        s.recv(i % 3 * 25)
    except OSError:
        break
    finally:
        s.close()`;

/** Returns the exit code, or the signal. */
async function runPython(script: string, ...args: string[]): Promise<unknown> {
  const child = spawn('python3', ['-c', script, ...args], { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}

/** A taker that has asked, so many times at once, and reads nothing. */
async function asksAndSleeps(target: Target, path: string, times = 1): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', ...target });
  await once(socket, 'connect');
  socket.pause();
  socket.on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n`.repeat(times));
  return socket;
}

/** A service, and groups that each have one fault. */
class Bench {
  readonly service: Service;
  readonly #directory: string;
  #faults = 0;

  private constructor(service: Service, directory: string) {
    this.service = service;
    this.#directory = directory;
  }

  static async start(t: TestContext): Promise<Bench> {
    const directory = workersDir(t);
    return new Bench(await startService(t, { workersDir: directory }), directory);
  }

  /** Runs `source` as the module of a new group. */
  async fault(
    source: string,
    spec: Record<string, unknown>,
    body: (victim: Victim) => Promise<void>,
  ): Promise<void> {
    const { service } = this;
    const name = `fault-${this.#faults++}`;
    writeFiles(this.#directory, { [`${name}.mjs`]: source });
    await service.register({ name, module: `${name}.mjs`, stopGraceSeconds: 1, ...spec });
    try {
      await body({
        name,
        service,
        start: () => service.call('POST', `/v1/groups/${name}/start`),
        expect: (expected) => expectGroup(service, name, expected),
      });
    } finally {
      await service.call('DELETE', `/v1/groups/${name}`);
    }
  }
}

const depthIs = (victim: Victim, depth: number) =>
  until(`a depth of ${depth}`, async () =>
    (await victim.service.status(victim.name)).feed.depth === depth ? true : undefined,
  );

test('faults of takers, and of what feeds them', async (t) => {
  const bench = await Bench.start(t);

  await t.test('a taker killed in mid-body: its item comes again, before the others', () =>
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

  await t.test('a worker killed in a put: the item is not taken, the others are, and it starts again', () =>
    bench.fault(
      `export default async (_id, ctx) => {
        await ctx.put(Uint8Array.of(1));
        void ctx.put(Uint8Array.of(99));
        // Not at once: the put is on its way.
        setTimeout(() => process.exit(1), 50);
        await new Promise(() => {});
      };`,
      {
        workers: 2,
        feed: { capacity: 1 },
        restart: {
          policy: 'on-failure',
          maxRestarts: 100,
          backoff: { initialSeconds: 0.01, maxSeconds: 0.01 },
        },
      },
      async (victim) => {
        await victim.start();
        const path = await socketOf(bench.service, victim.name);
        await until('a restart', async () =>
          (await victim.service.status(victim.name)).totals.restarts > 0 ? true : undefined,
        );
        const taker = Taker.atSocket(path);
        for (let i = 0; i < 2; i++) {
          const { body } = await taker.ask();
          assert.deepEqual([...body], [1], 'what the dead worker was waiting with is in nobody’s hands');
        }
        taker.close();
        assert.equal((await victim.service.status(victim.name)).state, 'running');
      },
    ),
  );

  await t.test(
    'the host is killed with a full queue: what waited is counted as lost, takers get what comes next',
    () =>
      bench.fault(
        FEEDS,
        {
          workers: 1,
          feed: { capacity: 10 },
          restart: { policy: 'on-failure', backoff: { initialSeconds: 0.1 } },
        },
        async (victim) => {
          await victim.start();
          await depthIs(victim, 10);
          const { host } = await victim.service.status(victim.name);
          process.kill(host.pid, 'SIGKILL');
          await until('the group to be back', async () => {
            const status = await victim.service.status(victim.name);
            return status.state === 'running' && status.host.pid !== host.pid ? true : undefined;
          });
          const taker = Taker.atPort(bench.service, victim.name);
          const { headers } = await taker.ask();
          assert.equal(headers['x-sequence'], '0');
          taker.close();
          const { feed, failures } = await victim.service.status(victim.name);
          assert.deepEqual([feed.dropped, failures.at(-1).kind], [10, 'host']);
        },
      ),
  );

  await t.test('a take on the port that waits while the host dies goes on with the next', () =>
    bench.fault(
      `export default async (_id, ctx) => {
        if (ctx.params.first !== undefined) return ctx.sleep(1);
        await ctx.put(Uint8Array.of(1));
      };`,
      {
        workers: 1,
        feed: {},
        params: { first: 1 },
        restart: { policy: 'on-failure', backoff: { initialSeconds: 0.1 } },
      },
      async (victim) => {
        await victim.start();
        const taker = Taker.atPort(bench.service, victim.name);
        const answer = taker.ask('?waitSeconds=60');
        await until('it to wait', async () =>
          (await victim.service.status(victim.name)).feed.takers === 1 ? true : undefined,
        );
        const { host } = await victim.service.status(victim.name);
        await victim.service.call('PATCH', `/v1/groups/${victim.name}`, { params: {} });
        process.kill(host.pid, 'SIGKILL');
        assert.equal((await answer).status, 200);
        taker.close();
      },
    ),
  );

  await t.test(
    'a socket that user code has taken over: its headers stay outside, and a take ends in time',
    () =>
      bench.fault(
        `import { rmSync } from 'node:fs';
      import { createServer } from 'node:net';
      const HEAD = 'HTTP/1.1 200 OK\\r\\nset-cookie: a=b\\r\\naccess-control-allow-origin: *\\r\\nx-sequence: 7\\r\\n';
      let asked = 0;
      export const setup = (_id, ctx) => new Promise((resolve) => {
        if (ctx.params.path === undefined) return resolve();
        rmSync(ctx.params.path);
        createServer((socket) => {
          socket.on('error', () => {});
          if (asked++ === 0) socket.end(HEAD + 'content-length: 2\\r\\n\\r\\nok');
        }).listen(ctx.params.path, resolve);
      });
      export default (_id, ctx) => ctx.sleep(1);`,
        { workers: 1, feed: {} },
        async (victim) => {
          await victim.start();
          const path = await socketOf(bench.service, victim.name);
          await victim.service.call('PATCH', `/v1/groups/${victim.name}`, { params: { path } });
          await victim.service.call('POST', `/v1/groups/${victim.name}/restart`);
          const taker = Taker.atPort(bench.service, victim.name);
          const { status, headers, body } = await taker.ask();
          assert.deepEqual([status, headers['x-sequence'], String(body)], [200, '7', 'ok']);
          for (const name of ['set-cookie', 'access-control-allow-origin'])
            assert.equal(headers[name], undefined, name);
          assert.equal((await taker.ask('?waitSeconds=0.1')).status, 204, 'it never answers');
          taker.close();
        },
      ),
  );

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
