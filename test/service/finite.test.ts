import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { type LogRecord, type Service, startService, until } from '../support/service.js';
import { ITERATES, workersDir } from '../support/workers-dir.js';

interface WorkerStatus {
  id: number;
  state: string;
  iterations: number;
  restarts: number;
}

const MODULES = {
  'async.mjs': ITERATES,
  'sync.mjs': 'export default () => {};\n',
  // Longer than the loop goes on without looking around.
  'busy.mjs': `export default () => { for (const end = performance.now() + 1; performance.now() < end;); };\n`,
  'throws.mjs': `export default () => { throw new Error('it broke'); };\n`,
  'fifth.mjs': `
    export default async (_id, ctx) => {
      if (ctx.index === 0 && ctx.iteration === 4) ctx.finish();
      await ctx.sleep(0.001);
    };\n`,
  // Its worker 0 finishes in its third call, the others never do.
  'third.mjs': `
    let calls = 0;
    export function setup(id, ctx) { ctx.log.info('setup', { id, calls }); }
    export default async (id, ctx) => {
      calls++;
      if (ctx.iteration + 1 !== calls) throw new Error(\`call \${calls} is iteration \${ctx.iteration}\`);
      if (ctx.index === 0 && calls === 3) ctx.finish();
      await ctx.sleep(0.001);
    };
    export function teardown(id, ctx) { ctx.log.info('teardown', { id, calls }); }\n`,
};

async function begin(t: TestContext): Promise<Service> {
  return startService(t, { workersDir: workersDir(t, MODULES) });
}

const AT_ONCE = { initialSeconds: 0 };

const calls = (workers: WorkerStatus[]) => workers.map(({ state, iterations }) => [state, iterations]);
const fieldsOf = ({ fields }: LogRecord) => fields as Record<string, number>;
/** The states that the group has gone through, in order, once the log has come to this one. */
const statesTo = ({ log }: Service, name: string, last: string) =>
  until(`the log to say that ${name} is ${last}`, () => {
    const states = log.filter(({ group, to }) => group === name && to !== undefined).map(({ to }) => to);
    return states.at(-1) === last ? states : undefined;
  });

test('maxIterations: each worker makes exactly so many calls, then the group is completed', async (t) => {
  const service = await begin(t);
  const cases = [
    { name: 'async', module: 'async.mjs', workers: 3, maxIterations: 25 },
    { name: 'sync', module: 'sync.mjs', workers: 2, maxIterations: 123_457 },
    { name: 'busy', module: 'busy.mjs', workers: 1, maxIterations: 37 },
    { name: 'one-async', module: 'async.mjs', workers: 4, maxIterations: 1 },
    { name: 'one-sync', module: 'sync.mjs', workers: 4, maxIterations: 1 },
  ];
  for (const spec of cases) {
    const { name, workers, maxIterations } = spec;
    await service.register(spec);
    // What a worker may do is counted anew at each start; what it has done goes on.
    for (const starts of [1, 2]) {
      await service.call('POST', `/v1/groups/${name}/start`);
      const status = await service.reaches(name, 'completed');
      const each = starts * maxIterations;
      assert.deepEqual(calls(status.workers), new Array(workers).fill(['completed', each]), name);
      assert.deepEqual([status.host, status.reason, status.totals.errors], [null, null, 0], name);
      assert.equal(status.totals.iterations, workers * each, name);
      assert.equal(await service.metric(`worker_time_seconds_count{group="${name}"}`), workers * each);
    }
  }
});

test('maxIterations of null, or none, ends nothing; a PATCH of it counts from the next start', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'sync.mjs', workers: 1, maxIterations: null });
  await service.start('a');
  const patched = await service.call('PATCH', '/v1/groups/a', { maxIterations: 3 });
  assert.deepEqual([patched.body.state, patched.body.restartPending], ['running', true]);
  await until('more calls than that', async () =>
    ((await service.metric('worker_time_seconds_count{group="a"}')) ?? 0) > 1000 ? true : undefined,
  );
  assert.equal((await service.status('a')).state, 'running');
  assert.equal((await service.stop('a')).success, true);
  const before = (await service.status('a')).totals.iterations;
  await service.call('POST', '/v1/groups/a/start');
  assert.equal((await service.reaches('a', 'completed')).totals.iterations, before + 3);
});

test('a worker that throws in its last call has failed, not finished', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'throws.mjs', workers: 1, maxIterations: 1 });
  await service.call('POST', '/v1/groups/a/start');
  const { workers, totals } = await service.reaches('a', 'failed');
  assert.deepEqual([calls(workers), totals.errors], [[['failed', 1]], 1]);
});

test('ctx.finish and maxIterations: whichever comes first', async (t) => {
  const service = await begin(t);
  await service.register({ name: 'a', module: 'fifth.mjs', workers: 3, maxIterations: 9 });
  await service.register({ name: 'b', module: 'fifth.mjs', workers: 2, maxIterations: 2 });
  await service.call('POST', '/v1/start');
  const a = await service.reaches('a', 'completed');
  assert.deepEqual(calls(a.workers), [
    ['completed', 5],
    ['completed', 9],
    ['completed', 9],
  ]);
  const b = await service.reaches('b', 'completed');
  assert.deepEqual(calls(b.workers), [
    ['completed', 2],
    ['completed', 2],
  ]);
});

test('always, scope worker: who has finished starts again alone, in a fresh thread', async (t) => {
  const service = await begin(t);
  // No failures are allowed at all: what is completed uses up none of it.
  const restart = { policy: 'always', scope: 'worker', maxRestarts: 0, backoff: AT_ONCE };
  await service.register({ name: 'a', module: 'third.mjs', workers: 2, restart });
  const { host } = await service.start('a');
  const status = await until('four restarts', async () => {
    const now = await service.status('a');
    return now.workers[0].restarts >= 4 ? now : undefined;
  });
  assert.deepEqual([status.state, status.host.pid, status.failures], ['running', host.pid, []]);
  assert.deepEqual([status.workers[1].state, status.workers[1].restarts], ['running', 0]);
  const report = await service.stop('a');
  assert.equal(report.success, true);

  const after = await service.status('a');
  const { restarts } = after.workers[0];
  assert.deepEqual([after.state, after.totals.restarts], ['stopped', restarts]);
  assert.equal(await service.metric('worker_restarts_total{group="a",reason="completed"}'), restarts);
  const { iterations } = after.workers[0];
  assert.ok(
    iterations >= 3 * restarts && iterations <= 3 * (restarts + 1),
    `${iterations} calls of worker 0`,
  );
  const told = (what: string, id: number) =>
    service.log
      .filter(({ msg, fields }) => msg === what && (fields as { id: number }).id === id)
      .map(fieldsOf);
  await statesTo(service, 'a', 'stopped');
  const fresh = told('setup', 0);
  assert.ok(fresh.length >= restarts, `worker 0 was set up ${fresh.length} times`);
  assert.ok(
    fresh.every((fields) => fields['calls'] === 0),
    'the module knows nothing of what was before',
  );
  assert.ok(
    told('teardown', 0)
      .slice(0, restarts)
      .every((fields) => fields['calls'] === 3),
  );
  assert.deepEqual([told('setup', 1).length, told('teardown', 1).length], [1, 1], 'the other never stopped');
});

test('always, scope worker: when all finish the group runs on, and never completes', async (t) => {
  const service = await begin(t);
  const restart = { policy: 'always', backoff: AT_ONCE };
  await service.register({ name: 'a', module: 'async.mjs', workers: 2, maxIterations: 2, restart });
  await service.start('a');
  await until('both to have started again three times', async () => {
    const { workers } = await service.status('a');
    return workers.every(({ restarts }: WorkerStatus) => restarts >= 3) || undefined;
  });
  // All of them wait, and the group still runs.
  const longer = { policy: 'always', backoff: { initialSeconds: 3600, maxSeconds: 3600, jitter: 0 } };
  await service.register({ name: 'b', module: 'async.mjs', workers: 2, maxIterations: 2, restart: longer });
  await service.start('b');
  const waiting = await until('both to wait', async () => {
    const now = await service.status('b');
    return now.workers.every(({ restartAt }: { restartAt: string | null }) => restartAt) ? now : undefined;
  });
  assert.deepEqual(
    [waiting.state, waiting.host === null, calls(waiting.workers)],
    ['running', false, new Array(2).fill(['completed', 2])],
  );
  const stopped = await service.call('POST', '/v1/stop');
  assert.equal(stopped.body.success, true);
  for (const name of ['a', 'b'])
    assert.deepEqual(await statesTo(service, name, 'stopped'), [
      'starting',
      'running',
      'stopping',
      'stopped',
    ]);
});

test('always, scope group: the group goes through backoff and runs again, with a new host', async (t) => {
  const service = await begin(t);
  const restart = { policy: 'always', scope: 'group', maxRestarts: 0, backoff: { initialSeconds: 0.05 } };
  await service.register({ name: 'a', module: 'fifth.mjs', workers: 2, maxIterations: 6, restart });
  const { body } = await service.call('POST', '/v1/groups/a/start');
  await until('three restarts', async () =>
    (await service.status('a')).totals.restarts >= 3 ? true : undefined,
  );
  const report = await service.stop('a');
  assert.equal(report.success, true);
  const { workers, totals } = await service.status('a');
  assert.deepEqual(
    workers.map(({ id, restarts }: WorkerStatus) => [id, restarts]),
    body.workers.map(({ id }: WorkerStatus) => [id, 0]),
    'the same workers, none of which started again alone',
  );
  assert.equal(await service.metric('worker_restarts_total{group="a",reason="completed"}'), totals.restarts);
  assert.ok(totals.iterations >= 11 * 3, `${totals.iterations} calls`);
  const round = ['starting', 'running', 'stopping', 'backoff'];
  const states = await statesTo(service, 'a', 'stopped');
  assert.deepEqual(states.slice(0, 12), [...round, ...round, ...round]);
  assert.ok(!states.includes('completed'));
});

test('always, scope group: while it waits nothing of it is left, and a stop ends the wait', async (t) => {
  const service = await begin(t);
  const backoff = { initialSeconds: 3600, maxSeconds: 3600, jitter: 0 };
  const restart = { policy: 'always', scope: 'group', backoff };
  await service.register({ name: 'a', module: 'async.mjs', workers: 2, maxIterations: 3, restart });
  await service.start('a');
  const status = await service.reaches('a', 'backoff');
  assert.deepEqual(
    [status.host, status.desired, calls(status.workers)],
    [null, 'running', new Array(2).fill(['completed', 3])],
  );
  assert.match(status.reason, /^All workers have finished; the restart policy "always" starts them again$/);
  assert.ok(Math.abs(Date.parse(status.restartAt) - Date.parse(status.since) - 3_600_000) < 5_000);
  assert.equal((await service.stop('a')).success, true);
  const stopped = await service.status('a');
  assert.deepEqual([stopped.state, stopped.restartAt, stopped.totals.restarts], ['stopped', null, 0]);
});

for (const policy of ['on-failure', 'never']) {
  test(`${policy} leaves alone what is completed, whatever the scope`, async (t) => {
    const service = await begin(t);
    for (const scope of ['worker', 'group']) {
      const restart = { policy, scope, backoff: AT_ONCE };
      await service.register({ name: scope, module: 'async.mjs', workers: 2, maxIterations: 3, restart });
      await service.start(scope);
      const status = await service.reaches(scope, 'completed');
      assert.deepEqual([status.restartAt, status.totals.restarts, status.totals.iterations], [null, 0, 6]);
      assert.deepEqual(await statesTo(service, scope, 'completed'), [
        'starting',
        'running',
        'stopping',
        'completed',
      ]);
      assert.equal(await service.metric(`worker_restarts_total{group="${scope}",reason="completed"}`), 0);
    }
  });
}

/** A worker of one group tells when each of its calls began and ended, in milliseconds of its own clock. */
const TELLS = (call: string) => `
  export default async (_id, ctx) => {
    const began = performance.now();
    ${call}
    ctx.log.info('call', { began, ended: performance.now() });
  };\n`;

interface Call {
  began: number;
  ended: number;
  /** When it was to begin: an interval after the one before it was, or when that one ended, if it took longer. */
  due: number;
}

async function callsOf(
  t: TestContext,
  source: string,
  intervalSeconds: number,
  count: number,
): Promise<Call[]> {
  const service = await startService(t, { workersDir: workersDir(t, { 'tells.mjs': source }) });
  await service.register({
    name: 'a',
    module: 'tells.mjs',
    workers: 1,
    intervalSeconds,
    maxIterations: count,
  });
  await service.start('a');
  await service.reaches('a', 'completed');
  await statesTo(service, 'a', 'completed');
  const told = service.log.filter(({ msg }) => msg === 'call').map(fieldsOf);
  assert.equal(told.length, count);
  let due: number | undefined;
  return told.map(({ began = Number.NaN, ended = Number.NaN }) => {
    const call = { began, ended, due: due ?? began };
    due = Math.max(call.due + intervalSeconds * 1000, ended);
    return call;
  });
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

test('intervalSeconds: calls keep to the grid from the first, and do not drift', async (t) => {
  const INTERVAL = 50;
  const made = await callsOf(t, TELLS('await ctx.sleep(0.01);'), INTERVAL / 1000, 40);
  const [first] = made;
  const grid = made.filter(({ due }, i) => Math.abs(due - (first?.began ?? 0) - i * INTERVAL) < 1e-6);
  // A machine that stands still for 40 ms makes a new plan, as it should.
  t.diagnostic(`${grid.length} of ${made.length} calls were due on the first grid`);
  const lateness = made.map(({ began, due }) => began - due);
  const growth = median(lateness.slice(-10)) - median(lateness.slice(0, 10));
  t.diagnostic(`median lateness ${median(lateness).toFixed(2)} ms, growth ${growth.toFixed(2)} ms`);
  assert.ok(growth < 10, `the lateness has grown by ${growth} ms`);
  // The first call begins some time after the loop has taken its bearings.
  const before = (late: number) => late > -5;
  assert.ok(lateness.every(before), `none begins before it is due: ${lateness}`);
  made.slice(1).forEach(({ began }, i) => {
    const distance = began - (made[i]?.began ?? 0);
    const late = (lateness[i] ?? 0) > 10;
    assert.ok(distance >= INTERVAL - 15 || late, `calls ${i} and ${i + 1} are ${distance} ms apart`);
  });
});

test('a call that overruns is followed at once by the next, and missed ones are not made up for', async (t) => {
  const INTERVAL = 60;
  // Every fourth call takes as long as three and a half intervals.
  const overruns = (i: number) => i % 4 === 1;
  const source = TELLS('if (ctx.iteration % 4 === 1) await ctx.sleep(0.21);');
  const made = await callsOf(t, source, INTERVAL / 1000, 24);
  const waits: number[] = [];
  made.forEach(({ ended }, i) => {
    const [next, second, third] = made.slice(i + 1, i + 4);
    if (!overruns(i) || next === undefined || second === undefined || third === undefined) return;
    waits.push(next.began - ended);
    // The new plan begins where the long call ended; a grid of old would be at 240 ms, and calls to make up for.
    assert.ok(second.began - ended >= INTERVAL - 5, `the second after it: ${second.began - ended} ms`);
    assert.ok(third.began - ended >= 2 * INTERVAL - 5, `the third after it: ${third.began - ended} ms`);
  });
  t.diagnostic(`the next call came after ${waits.map((wait) => wait.toFixed(1))} ms`);
  assert.ok(waits.length >= 5 && median(waits) < 15, `the next call came after ${waits} ms`);
});

test('an interval of a minute: the last call ends the work at once, and a stop ends the wait', async (t) => {
  const service = await begin(t);
  const interval = { workers: 2, intervalSeconds: 60 };
  await service.register({ name: 'done', module: 'async.mjs', ...interval, maxIterations: 1 });
  for (const module of ['async', 'sync'])
    await service.register({ name: module, module: `${module}.mjs`, ...interval });
  await service.call('POST', '/v1/start');
  await service.reaches('done', 'completed');
  for (const name of ['async', 'sync']) {
    await until('the first calls to be made', async () =>
      (await service.metric(`worker_time_seconds_count{group="${name}"}`)) === 2 ? true : undefined,
    );
    const report = await service.stop(name);
    assert.deepEqual([report.success, report.groups[0].killed], [true, []]);
    assert.ok(report.seconds < 3, `the stop of ${name} took ${report.seconds} s`);
    assert.equal((await service.status(name)).totals.iterations, 2, 'no call is made on the way out');
  }
});
