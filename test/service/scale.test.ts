import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { hostsOf, isAlive, threadsOf } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { workersDir } from '../support/workers-dir.js';

/** Tells the number of workers whenever it changes, and what version of the params it runs with. */
const TELLS = `
  let last;
  const told = (id, { index, count, iteration, params }) => ({ id, index, count, iteration, ...params });
  export function setup(id, ctx) { ctx.log.info('setup', told(id, ctx)); }
  export default async (id, ctx) => {
    if (ctx.count !== last) {
      last = ctx.count;
      ctx.log.info('count', told(id, ctx));
    }
    await ctx.sleep(0.001);
  };
  export function teardown(id, ctx) { ctx.log.info('teardown', told(id, ctx)); }\n`;

/** The workers beside the first hang in their first call. */
const hangs = (deed: string) => `
  import { execSync } from 'node:child_process';
  let last;
  export default async (id, ctx) => {
    if (ctx.index > 0) {
      ctx.log.info('in the call');
      ${deed}
    }
    if (ctx.count !== last) {
      last = ctx.count;
      ctx.log.info('count', { id, count: ctx.count, iteration: ctx.iteration });
    }
    await ctx.sleep(0.001);
  };\n`;

const MODULES = {
  'tells.mjs': TELLS,
  'spins.mjs': hangs('for (;;);'),
  'waits.mjs': hangs("execSync('sleep 60');"),
  // Who comes later than the first two fails, or finishes.
  'fails-later.mjs': `
    export function setup(id, ctx) { if (ctx.index > 1) throw new Error('there is no third'); }
    export default async (_id, ctx) => { await ctx.sleep(0.001); };\n`,
  'first-goes-on.mjs': `
    export default async (_id, ctx) => { if (ctx.index > 0) ctx.finish(); await ctx.sleep(0.001); };\n`,
};

interface Told {
  id: number;
  index: number;
  count: number;
  iteration: number;
  version?: number;
}

interface WorkerStatus {
  id: number;
  index: number;
  state: string;
}

async function begin(t: TestContext, flags: string[] = []): Promise<Service> {
  return startService(t, { workersDir: workersDir(t, MODULES), flags });
}

const scale = (service: Service, name: string, workers: number, more: Record<string, unknown> = {}) =>
  service.call('PATCH', `/v1/groups/${name}`, { workers, ...more });
const places = (workers: WorkerStatus[]) => workers.map(({ id, index, state }) => [id, index, state]);
const running = (...ids: number[]) => ids.map((id, index) => [id, index, 'running']);

/** What the workers have told with this message, in order. */
const told = ({ log }: Service, what: string) =>
  log.filter(({ msg }) => msg === what).map(({ fields }) => fields as unknown as Told);
const idsOf = (all: Told[]) => all.map(({ id }) => id);

const countHeard = (service: Service, id: number, count: number) =>
  until(`worker ${id} to hear that there are ${count}`, () => {
    const heard = told(service, 'count').filter((line) => line.id === id);
    return heard.at(-1)?.count === count ? heard : undefined;
  });

const callsOf = async (service: Service, name: string) =>
  (await service.metric(`worker_time_seconds_count{group="${name}"}`)) ?? Number.NaN;

test('PATCH of workers, 2 to 5 to 1 to 3: only the difference starts or stops', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'tells.mjs', workers: 2 });
  const { host } = await service.start('a');
  await countHeard(service, 0, 2);
  await countHeard(service, 1, 2);
  const sums = [await callsOf(service, 'a')];

  const five = await scale(service, 'a', 5);
  assert.deepEqual([five.status, five.body.host.pid, five.body.restartPending], [200, host.pid, false]);
  assert.deepEqual([five.body.spec.workers, places(five.body.workers)], [5, running(0, 1, 2, 3, 4)]);
  for (const id of [0, 1, 2, 3, 4]) await countHeard(service, id, 5);
  sums.push(await callsOf(service, 'a'));

  const one = await scale(service, 'a', 1);
  assert.deepEqual([one.status, one.body.host.pid, places(one.body.workers)], [200, host.pid, running(0)]);
  assert.deepEqual([one.body.state, one.body.failures, one.body.totals.killed], ['running', [], 0]);
  sums.push(await callsOf(service, 'a'));
  await countHeard(service, 0, 1);
  // Those that have left have ended as at any stop. Each is another source of the log: they may come out of order.
  await until('four teardowns', () => told(service, 'teardown').length === 4 || undefined);
  assert.deepEqual(idsOf(told(service, 'teardown')).sort(), [1, 2, 3, 4]);
  assert.equal(await service.metric('worker_iterations_total{group="a",worker="4",result="ok"}'), undefined);

  const three = await scale(service, 'a', 3);
  assert.deepEqual([three.body.host.pid, places(three.body.workers)], [host.pid, running(0, 5, 6)]);
  const heard = await countHeard(service, 0, 3);
  sums.push(await callsOf(service, 'a'));

  assert.deepEqual(
    heard.map(({ count }) => count),
    [2, 5, 1, 3],
    'the one that stays hears of each number',
  );
  const iterations = heard.map(({ iteration }) => iteration);
  assert.ok(
    iterations.every((iteration, i) => i === 0 || iteration > (iterations[i - 1] ?? 0)),
    `it goes on counting its calls: ${iterations}`,
  );
  await until('seven setups', () => told(service, 'setup').length >= 7 || undefined);
  assert.deepEqual(idsOf(told(service, 'setup')).sort(), [0, 1, 2, 3, 4, 5, 6], 'each was set up once');
  assert.ok(
    told(service, 'setup').every(({ id, count }) => count === (id < 2 ? 2 : id < 5 ? 5 : 3)),
    'with the number of workers that it came in',
  );
  const grows = sums.every((sum, i) => sum >= (sums[i - 1] ?? 0));
  assert.ok(grows, `the sum of the calls never goes back: ${sums}`);

  const before = sums.at(-1) ?? 0;
  assert.equal((await service.stop('a')).success, true);
  const after = await service.status('a');
  assert.ok(after.totals.iterations >= before, 'those that have left count in the totals');
  assert.equal(after.totals.restarts, 0);
  assert.deepEqual(
    after.workers.map(({ id, index }: WorkerStatus) => [id, index]),
    [
      [0, 0],
      [5, 1],
      [6, 2],
    ],
  );
});

test('no count of a group goes back while it is scaled up and down', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'tells.mjs', workers: 3 });
  const { host } = await service.start('a');
  let over = false;
  const scraping = (async () => {
    const sums: number[] = [];
    while (!over) {
      sums.push(await callsOf(service, 'a'), (await service.status('a')).totals.iterations);
      const [before = 0, last = 0] = [sums.at(-4), sums.at(-2)];
      assert.ok(last >= before, `the scrape went back: ${before}, ${last}`);
      assert.ok((sums.at(-1) ?? 0) >= (sums.at(-3) ?? 0), `the status went back: ${sums.slice(-4)}`);
    }
    return sums.length;
  })();
  const scaling = (async () => {
    for (const workers of [1, 4, 2, 5, 1, 3, 6, 2]) {
      const { status, body } = await scale(service, 'a', workers);
      assert.deepEqual([status, body.workers.length, body.host.pid], [200, workers, host.pid]);
    }
  })().finally(() => {
    over = true;
  });
  const [looks] = await Promise.all([scraping, scaling]);
  assert.ok(looks >= 10, `${looks} looks`);
  assert.equal((await service.stop('a')).success, true);
});

test('several PATCHes at once: each gets its answer, and the group what its spec says last', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'tells.mjs', workers: 2 });
  const { host } = await service.start('a');
  const answers = await Promise.all([4, 1, 6, 3, 5, 2, 4].map((workers) => scale(service, 'a', workers)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    new Array(7).fill(200),
  );
  const { state, spec, workers, ...rest } = await service.status('a');
  assert.deepEqual([state, rest.host.pid, rest.restartPending], ['running', host.pid, false]);
  assert.equal(workers.length, spec.workers);
  assert.ok(workers.every((worker: WorkerStatus) => worker.state === 'running'));
  await countHeard(service, 0, spec.workers);
  assert.equal((await service.stop('a')).success, true);
});

test('a worker that spins and has to leave is killed after the grace, and the group goes on', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'spins.mjs', workers: 2, stopGraceSeconds: 0.3 });
  const { host } = await service.start('a');
  await service.inTheCall('a', 1);
  const [first] = await countHeard(service, 0, 2);
  const before = await callsOf(service, 'a');
  const { status, body } = await scale(service, 'a', 1);
  assert.deepEqual([status, body.state, body.host?.pid], [200, 'running', host.pid]);
  assert.deepEqual([places(body.workers), body.failures], [running(0), []]);
  assert.deepEqual([body.totals.killed, body.totals.restarts, body.restartPending], [1, 0, false]);
  assert.equal(await service.metric('worker_killed_total{group="a"}'), 1);
  assert.ok((await callsOf(service, 'a')) >= before);
  const second = (await countHeard(service, 0, 1)).at(-1);
  assert.ok((second?.iteration ?? 0) > (first?.iteration ?? 0), 'who stays goes on');
  const report = await service.stop('a');
  assert.deepEqual(
    [report.success, report.groups[0].killed],
    [true, []],
    'nothing of it is left to be killed',
  );
});

test('a worker that sits in a system call and has to leave: the group is restarted without it', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'waits.mjs', workers: 2, stopGraceSeconds: 0.3 });
  const { host } = await service.start('a');
  await service.inTheCall('a', 1);
  await countHeard(service, 0, 2);
  const sleepers = () => hostsOf(service.pid).filter(({ command }) => command === 'sleep 60').length;
  await until('the sleep to run', () => sleepers() > 0 || undefined);
  const before = await callsOf(service, 'a');
  const { status, body } = await scale(service, 'a', 1);
  assert.deepEqual([status, body.state, places(body.workers)], [200, 'running', running(0)], body.detail);
  assert.deepEqual([body.desired, body.restartPending], ['running', false]);
  assert.notEqual(body.host.pid, host.pid);
  assert.equal(isAlive(host.pid), false);
  await until('no process of the worker to be left', () => sleepers() === 0 || undefined);
  assert.ok((await callsOf(service, 'a')) >= before);
  assert.equal(await service.metric('worker_killed_total{group="a"}'), 1);
  await countHeard(service, 0, 1);
  assert.equal((await service.stop('a')).success, true);
});

test('beyond the cap a PATCH is refused with figures, and nothing has changed', async (t) => {
  const service = await begin(t, ['--max-workers', '5']);
  for (const name of ['a', 'b']) {
    await service.register({ name, module: 'tells.mjs', workers: 2 });
    await service.start(name);
  }
  const before = await service.status('a');
  const refused = await scale(service, 'a', 4, { params: { version: 2 } });
  assert.deepEqual([refused.status, refused.body.code], [503, 'worker_cap_reached']);
  assert.match(refused.body.detail, /^Starting 4 workers would exceed the cap: 2 of 5 are in use\. /);
  const never = await scale(service, 'a', 6);
  assert.deepEqual([never.status, never.body.errors[0].pointer], [400, '/workers']);
  const after = await service.status('a');
  assert.deepEqual([after.spec, after.restartPending], [before.spec, false]);
  assert.deepEqual([after.host.pid, places(after.workers)], [before.host.pid, places(before.workers)]);

  const within = await scale(service, 'a', 3);
  assert.deepEqual([within.status, within.body.workers.length], [200, 3], 'its own workers count once');
  assert.equal((await scale(service, 'b', 3)).status, 503, 'the new ones take up room');
  assert.equal((await scale(service, 'a', 1)).status, 200);
  assert.equal((await scale(service, 'b', 4)).status, 200, 'and those that have left make room');
});

test('PATCH of workers and params: the number counts at once, the params from the next start', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'tells.mjs', workers: 1, params: { version: 1 } });
  const { host } = await service.start('a');
  const { status, body } = await scale(service, 'a', 3, { params: { version: 2 } });
  assert.deepEqual([status, body.host.pid, body.restartPending], [200, host.pid, true]);
  assert.deepEqual([places(body.workers), body.spec.params], [running(0, 1, 2), { version: 2 }]);
  const versions = async (count: number) => {
    await until(`${count} setups`, () => told(service, 'setup').length >= count || undefined);
    return told(service, 'setup').map(({ version }) => version);
  };
  assert.deepEqual(await versions(3), [1, 1, 1], 'all of one life have the same params');
  const restarted = await service.call('POST', '/v1/groups/a/restart');
  assert.deepEqual(
    [restarted.body.restartPending, places(restarted.body.workers)],
    [false, running(0, 1, 2)],
  );
  assert.deepEqual((await versions(6)).slice(3), [2, 2, 2]);
});

test('a new worker that fails in its setup fails the group, and the PATCH says so', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'fails-later.mjs', workers: 2 });
  await service.start('a');
  const { status, body } = await scale(service, 'a', 3);
  assert.deepEqual([status, body.code], [500, 'setup_failed']);
  assert.match(body.detail, /there is no third/);
  const failed = await service.reaches('a', 'failed');
  assert.deepEqual([failed.host, failed.spec.workers, failed.workers.length], [null, 3, 3]);
  assert.equal((await scale(service, 'a', 2)).status, 200);
  assert.equal((await service.start('a')).state, 'running', 'with the old number it runs again');
});

test('workers that have finished stay so while the group is scaled', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'first-goes-on.mjs', workers: 3 });
  await service.start('a');
  await until('the others to be completed', async () => {
    const { workers } = await service.status('a');
    return workers.filter(({ state }: WorkerStatus) => state === 'completed').length === 2 || undefined;
  });
  const less = await scale(service, 'a', 2);
  assert.deepEqual(places(less.body.workers), [
    [0, 0, 'running'],
    [1, 1, 'completed'],
  ]);
  const more = await scale(service, 'a', 3);
  assert.equal(more.status, 200, 'a new one may finish before the answer is there');
  await until('the new one to be completed', async () =>
    (await service.status('a')).workers[2].state === 'completed' ? true : undefined,
  );
  assert.equal((await service.status('a')).state, 'running');
  assert.equal((await service.stop('a')).success, true);
});

test('scaled down from 16 to 1, the host has the threads of one worker again', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'tells.mjs', workers: 1 });
  const { host } = await service.start('a');
  const before = threadsOf(host.pid);
  const figures = [before];
  for (let round = 0; round < 2; round++) {
    const up = await scale(service, 'a', 16);
    assert.deepEqual([up.status, up.body.workers.length, up.body.host.pid], [200, 16, host.pid]);
    const most = threadsOf(host.pid);
    assert.ok(most >= before + 15, `${most} threads with 16 workers, ${before} with one`);
    const down = await scale(service, 'a', 1);
    assert.deepEqual([down.status, places(down.body.workers)], [200, running(0)]);
    const left = await until('the threads of those that left to be gone', () => {
      const now = threadsOf(host.pid);
      return now <= before + 1 ? now : undefined;
    });
    figures.push(most, left);
  }
  t.diagnostic(`threads: ${figures.join(', ')}`);
  assert.equal((await service.stop('a')).success, true);
});
