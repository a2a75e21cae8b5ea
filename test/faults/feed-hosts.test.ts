import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import { socketOf, Taker } from '../support/feed.js';
import { depthIs, FEEDS, FeedBench } from '../support/feed-bench.js';
import { until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

test('faults of workers and hosts with a feed', async (t) => {
  const bench = await FeedBench.start(t);
  const gate = `${temporaryDirectory(t)}/gate`;

  await t.test('a worker killed in a put: the item is not taken, the others are, and it starts again', () =>
    bench.fault(
      `import { existsSync } from 'node:fs';
      export default async (_id, ctx) => {
        await ctx.put(Uint8Array.of(1));
        void ctx.put(Uint8Array.of(99));
        // By the same way as the put, and behind it: who has this line has the put.
        ctx.log.info('has put');
        while (!existsSync(ctx.params.gate)) await ctx.sleep(0.005);
        process.exit(1);
      };`,
      {
        workers: 2,
        params: { gate },
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
        await until('the put to be on its way', () =>
          bench.service.log.find(({ msg, group }) => msg === 'has put' && group === victim.name),
        );
        writeFileSync(gate, '');
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
          asked++;
          if (asked === 1) socket.end(HEAD + 'content-length: 2\\r\\n\\r\\nok');
          if (asked === 2) socket.write('HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: x\\r\\n\\r\\n');
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
});
