import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import test, { type TestContext } from 'node:test';
import { allMarks, asksAndSleeps, markOf, parseItems, socketOf, Taker, takeAll } from '../support/feed.js';
import { ENDLESS, GOES, runPython } from '../support/goers.js';
import { requires } from '../support/requires.js';
import { type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** Share of the full size at which tests of many items run. */
const SCALE = Number(process.env['PW_TEST_SCALE'] ?? 0.02);

async function fed(t: TestContext, service: Service, spec: Record<string, unknown>): Promise<string> {
  await service.register({ name: 'train', module: 'feeds.mjs', feed: {}, ...spec });
  // With the last test of a service, that has ended already.
  t.after(() => service.call('DELETE', '/v1/groups/train').catch(() => {}));
  await service.start('train');
  return socketOf(service, 'train');
}

test('to its takers a group that starts again by its policy has not ended', async (t) => {
  const directory = workersDir(t, {
    'one.mjs': 'export default async (_id, ctx) => { await ctx.put(new Uint8Array(1)); ctx.finish(); };',
  });
  const service = await startService(t, { workersDir: directory });
  const restart = { policy: 'always', scope: 'group', backoff: { initialSeconds: 60 } };
  const path = await fed(t, service, { module: 'one.mjs', workers: 1, restart });
  const taker = Taker.atSocket(path);
  t.after(() => taker.close());
  assert.equal((await taker.ask()).status, 200);
  const { status, body } = await taker.ask();
  assert.deepEqual([status, JSON.parse(String(body)).code], [409, 'feed_not_started']);
  await until(
    'it to wait for its next start',
    async () => (await service.status('train')).state === 'backoff' || undefined,
  );
});

test('more takes than there can be over the port are told where else to take', async (t) => {
  const launcher = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh'];
  const service = await startService(t, { launcher });
  const module = 'millisecond.mjs';
  await fed(t, service, { module, workers: 1 });
  const port = Number(new URL(service.url).port);
  const waiting = await asksAndSleeps({ port }, '/v1/groups/train/feed/take?waitSeconds=300', 32);
  t.after(() => waiting.destroy());
  await until(
    'all of them to wait',
    async () => (await service.status('train')).feed.takers === 32 || undefined,
  );
  const taker = Taker.atPort(service, 'train');
  t.after(() => taker.close());
  const { status, body } = await taker.ask('?waitSeconds=0');
  assert.deepEqual([status, JSON.parse(String(body)).code], [503, 'overloaded']);
  assert.match(String(body), /32 takes .* use the socket/);
  waiting.destroy();
  await until(
    'room for another',
    async () => (await taker.ask('?waitSeconds=0')).status === 204 || undefined,
  );
  // However a take ends, its place is free again.
  const fortyTimes = async (status: number) => {
    for (let i = 0; i < 40; i++) assert.equal((await taker.ask('?waitSeconds=0')).status, status);
  };
  await fortyTimes(204);
  await service.stop('train');
  await fortyTimes(409);
});

test('items are taken over the socket and over the port', async (t) => {
  const service = await startService(t);

  await t.test('as they are, with what is known of them', async (t) => {
    const socket = await fed(t, service, { workers: 1, params: { bytes: 100, meta: true } });
    for (const taker of [Taker.atSocket(socket), Taker.atPort(service, 'train')]) {
      t.after(() => taker.close());
      const first = await taker.ask();
      assert.equal(first.status, 200);
      assert.equal(first.headers['content-type'], 'text/x-test');
      assert.equal(first.headers['content-length'], '100');
      const sequence = Number(first.headers['x-sequence']);
      assert.equal(markOf(first.body), `0:${sequence}`);
      assert.deepEqual(JSON.parse(String(first.headers['x-meta'])), { number: sequence, text: 'ä "€"' });
      const id = (await service.status('train')).workers[0].id;
      assert.equal(first.headers['x-worker-id'], String(id));
      const second = await taker.ask('?max=2');
      assert.equal(second.headers['content-type'], 'application/vnd.parallel-workers.items');
      assert.equal(second.headers['x-items'], '2');
      const items = parseItems(second.body);
      assert.deepEqual(
        items.map(({ data, workerId, contentType, meta }) => [markOf(data), workerId, contentType, meta]),
        [1, 2].map((i) => [`0:${sequence + i}`, id, 'text/x-test', { number: sequence + i, text: 'ä "€"' }]),
      );
    }
  });

  await t.test('nobody else can open the socket', async (t) => {
    const socket = await fed(t, service, { workers: 1 });
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    assert.equal(statSync(dirname(socket)).mode & 0o777, 0o700);
    await service.stop('train');
    assert.throws(() => statSync(socket), /ENOENT/);
  });

  await t.test('204 when none came in time; the question costs nothing', async (t) => {
    const socket = await fed(t, service, { module: 'millisecond.mjs', workers: 1 });
    for (const taker of [Taker.atSocket(socket), Taker.atPort(service, 'train')]) {
      t.after(() => taker.close());
      for (const wait of ['0', '0.1']) {
        const { status, body } = await taker.ask(`?waitSeconds=${wait}`);
        assert.deepEqual([status, body.length], [204, 0]);
      }
    }
    // Two waits of 0.1 s each, less what a timer may be early.
    const { takeWaitSeconds, takers } = await until('the waits to be told', async () => {
      const { body } = await service.call('GET', '/v1/groups/train/feed');
      return body.takeWaitSeconds >= 0.19 ? body : undefined;
    });
    assert.ok(takeWaitSeconds < 5, String(takeWaitSeconds));
    assert.equal(takers, 0);
  });

  await t.test('what is asked wrongly is refused, at the socket as at the port', async (t) => {
    const socket = await fed(t, service, { workers: 1 });
    const queries = [
      'waitSeconds=-1',
      'waitSeconds=301',
      'waitSeconds=x',
      'max=0',
      'max=1001',
      'max=1.5',
      'most=3',
      'max=1&max=2',
    ];
    for (const taker of [Taker.atSocket(socket), Taker.atPort(service, 'train')]) {
      t.after(() => taker.close());
      for (const query of queries) {
        const { status, body, headers } = await taker.ask(`?${query}`);
        assert.equal(status, 400, query);
        assert.match(String(headers['content-type']), /^application\/problem\+json/);
        const problem = JSON.parse(String(body));
        assert.equal(problem.code, 'invalid_request');
        assert.ok(problem.detail.includes(query.split('=')[0]), problem.detail);
      }
    }
    assert.equal((await fetch(`${service.url}/v1/groups/nobody/feed/take`, { method: 'POST' })).status, 404);
  });

  await t.test('409 without a feed, and before a start', async (t) => {
    await service.register({ name: 'bare', module: 'millisecond.mjs' });
    t.after(() => service.call('DELETE', '/v1/groups/bare'));
    for (const [method, path] of [
      ['GET', '/v1/groups/bare/feed'],
      ['POST', '/v1/groups/bare/feed/take'],
    ] as const) {
      const { status, body } = await service.call(method, path);
      assert.deepEqual([status, body.code], [409, 'feed_not_configured']);
    }
    assert.equal((await service.status('bare')).feed, null);
    await service.register({ name: 'train', module: 'feeds.mjs', feed: {} });
    t.after(() => service.call('DELETE', '/v1/groups/train'));
    const { status, body } = await service.call('POST', '/v1/groups/train/feed/take');
    assert.deepEqual([status, body.code], [409, 'feed_not_started']);
    assert.equal((await service.status('train')).feed.socket, null);
  });
});

test('many takers, many workers: every item once, by its content', async (t) => {
  const service = await startService(t);
  const count = Math.max(10, Math.round((1_000_000 * SCALE) / 8));
  await t.test('small items', (t) => takesAll(t, service, { bytes: 16, count, atOnce: 8 }));
  await t.test('small items, while others go in mid-answer again and again', requires('python3'), (t) =>
    takesAll(t, service, { bytes: 16, count, atOnce: 8 }, (socket) => runPython(GOES, socket, ENDLESS)),
  );
  await t.test('items in memory that is used again', (t) =>
    takesAll(t, service, { bytes: 100_000, count: 60, atOnce: 2, again: true }),
  );
});

/** Puts items as large as it is told; its last line says how often the memory that it got had been an item before. */
const COUNTS = `
let again = 0;
export default async (_id, ctx) => {
  const { bytes, count } = ctx.params;
  const item = new Uint8Array(ctx.allocate(bytes));
  if (item[bytes - 1] === 1) again++;
  await ctx.put(item.fill(1));
  if (ctx.iteration === count - 1) {
    ctx.log.info('used again', { again });
    ctx.finish();
  }
}`;

test('memory of items that were taken is used again', async (t) => {
  const service = await startService(t, { workersDir: workersDir(t, { 'counts.mjs': COUNTS }) });
  // Of a few that a thread asks for beforehand there is nothing to use yet.
  for (const [bytes, least] of [
    [1_000, 0],
    [100_000, 35],
    [20_000_000, 35],
  ] as const) {
    const spec = { module: 'counts.mjs', workers: 1, params: { bytes, count: 40 }, feed: { capacity: 1 } };
    const taker = Taker.atSocket(await fed(t, service, spec));
    for (let i = 0; i < 40; i++) assert.equal((await taker.several(1))?.length, 1);
    taker.close();
    const { fields } = await until('the worker to say', () =>
      service.log.find(({ msg }) => msg === 'used again'),
    );
    service.log.length = 0;
    const { again } = fields as { again: number };
    assert.ok(again >= least, `${again} of 40 items of ${bytes} bytes`);
    if (least === 0) assert.equal(again, 0, 'small ones are not sent back');
    await service.call('DELETE', '/v1/groups/train');
  }
});

interface Puts {
  readonly bytes: number;
  readonly count: number;
  readonly atOnce: number;
  readonly again?: boolean;
}

/** @param meanwhile what others do with the feed until it ends */
async function takesAll(
  t: TestContext,
  service: Service,
  params: Puts,
  meanwhile: (socket: string) => Promise<unknown> = async () => {},
) {
  const [workers, takers] = [8, 4];
  const { bytes, count } = params;
  const socket = await fed(t, service, { workers, params });
  const others = meanwhile(socket);
  const taken = await Promise.all(
    Array.from({ length: takers }, async (_, i) => {
      const taker = i === 0 ? Taker.atPort(service, 'train') : Taker.atSocket(socket);
      const marks = await takeAll(taker, 100);
      taker.close();
      return marks;
    }),
  );
  await others;
  assert.deepEqual(taken.flat().sort(), allMarks(workers, count));
  const { state, feed } = await service.reaches('train', 'completed');
  assert.deepEqual([state, feed.takenItems, feed.dropped], ['completed', workers * count, 0]);
  assert.equal(feed.takenBytes, workers * count * bytes);
  assert.equal(await service.metric('worker_feed_items_total{group="train"}'), workers * count);
}

test('ordered: the items of all workers in turn, who has finished leaves the round', async (t) => {
  const service = await startService(t);
  const socket = await fed(t, service, {
    workers: 3,
    params: { count: 50 },
    feed: { ordered: true, capacity: 7 },
  });
  const taker = Taker.atSocket(socket);
  const marks: string[] = [];
  while (marks.length < 150) {
    const items = await taker.several(10);
    marks.push(...(items ?? []).map(({ data }) => markOf(data)));
  }
  taker.close();
  assert.deepEqual(
    marks,
    Array.from({ length: 150 }, (_, i) => `${i % 3}:${Math.floor(i / 3)}`),
  );
});

test('the end of a group', async (t) => {
  const service = await startService(t);

  await t.test('is put off until all is taken, then told by 410', async (t) => {
    const socket = await fed(t, service, { workers: 2, params: { count: 3 } });
    const status = await until('all workers to finish', async () => {
      const status = await service.status('train');
      return status.workers.every(({ state }: { state: string }) => state === 'completed')
        ? status
        : undefined;
    });
    assert.equal(status.state, 'running');
    assert.match(status.reason, /All workers have finished; what waits in the feed is still to be taken/);
    const taker = Taker.atSocket(socket);
    t.after(() => taker.close());
    assert.equal((await taker.several(5))?.length, 5);
    assert.equal((await service.status('train')).state, 'running');
    const last = Taker.atPort(service, 'train');
    t.after(() => last.close());
    assert.equal((await taker.several(1))?.length, 1);
    // The last answer counts as soon as its taker asks for more.
    const [more, ended] = await Promise.all([taker.ask(), last.ask()]);
    for (const { status, body } of [more, ended]) {
      assert.deepEqual([status, JSON.parse(String(body)).code], [410, 'feed_ended']);
    }
    await service.reaches('train', 'completed');
    assert.equal((await last.ask('?waitSeconds=0')).status, 410);
  });

  await t.test('a stop wakes puts and takes, and counts what it drops', async (t) => {
    const socket = await fed(t, service, { workers: 4, feed: { capacity: 10 } });
    await until('the feed to be full', async () => {
      const { feed } = await service.status('train');
      return feed.depth === 10 && feed.putWaitSeconds > 0 ? true : undefined;
    });
    const report = await service.stop('train');
    assert.deepEqual([report.success, report.groups[0].reason], [true, null]);
    const { feed, totals } = await service.status('train');
    assert.deepEqual([feed.dropped, feed.depth, totals.errors], [10, 0, 0]);
    assert.equal(await service.metric('worker_feed_dropped_total{group="train"}'), 10);
    await service.call('PATCH', '/v1/groups/train', { module: 'millisecond.mjs' });
    await service.start('train');
    const takers = [Taker.atSocket(socket), Taker.atPort(service, 'train')];
    const answers = takers.map((taker) => taker.ask('?waitSeconds=60'));
    await until('both to wait', async () =>
      (await service.status('train')).feed.takers === 2 ? true : undefined,
    );
    await service.stop('train');
    for (const { status, body } of await Promise.all(answers)) {
      assert.deepEqual([status, JSON.parse(String(body)).code], [409, 'feed_not_started']);
    }
    for (const taker of takers) taker.close();
  });

  await t.test('a put that nobody waits for does not fail a worker that stops, or its group', async (t) => {
    await fed(t, service, { module: 'feed-unawaited.mjs', workers: 2, feed: { capacity: 1 } });
    await until('all to wait', async () => {
      const { feed } = await service.status('train');
      return feed.depth === 1 && feed.putWaitSeconds > 0 ? true : undefined;
    });
    await service.call('PATCH', '/v1/groups/train', { workers: 1 });
    assert.deepEqual(
      [(await service.status('train')).state, (await service.stop('train')).groups[0].reason],
      ['running', null],
    );
    const told = service.log.filter(({ msg }) => msg.includes('takes no more items'));
    assert.deepEqual(told, []);
  });

  await t.test('a stop while what is left is being taken drops it', async (t) => {
    await fed(t, service, { workers: 1, params: { count: 5 } });
    await until('the feed to drain', async () => ((await service.status('train')).reason ? true : undefined));
    await service.stop('train');
    const { state, feed } = await service.status('train');
    assert.deepEqual([state, feed.dropped], ['stopped', 5]);
  });

  await t.test('counters go on over a restart', async (t) => {
    const socket = await fed(t, service, { workers: 1, feed: { capacity: 3 } });
    const taker = Taker.atSocket(socket);
    for (let i = 0; i < 2; i++) assert.equal((await taker.ask()).status, 200);
    taker.close();
    await service.call('POST', '/v1/groups/train/restart');
    const again = Taker.atSocket(socket);
    const { headers } = await again.ask();
    assert.equal(headers['x-sequence'], '0');
    again.close();
    await until('all to be counted', async () =>
      (await service.metric('worker_feed_items_total{group="train"}')) === 3 ? true : undefined,
    );
  });
});

test('two services with one directory for their sockets: the second does not take the first one’s place', async (t) => {
  const env = { PW_FEED_DIR: temporaryDirectory(t) };
  const [first, second] = [await startService(t, { env }), await startService(t, { env })];
  for (const service of [first, second])
    await service.register({ name: 'fed', module: 'feeds.mjs', params: { bytes: 8 }, feed: {} });
  await first.start('fed');
  const { status, body } = await second.call('POST', '/v1/groups/fed/start');
  assert.deepEqual([status, body.code], [500, 'feed_failed']);
  assert.match(body.detail, /another process serves a feed at .*PW_FEED_DIR/);
  const taker = Taker.atSocket(await socketOf(first, 'fed'));
  t.after(() => taker.close());
  assert.equal((await taker.several(1))?.length, 1);
});
