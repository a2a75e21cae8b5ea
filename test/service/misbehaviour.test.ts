import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';

const BUCKETS = [1, 2];

/** A report that fits the protocol, with counts that nobody has counted. */
function report(changes: object, progressAt = 1): string {
  const dropped = { droppedLines: 0, droppedMessages: 0 };
  const worker = {
    id: 'WORKER',
    seconds: 0,
    errors: 0,
    buckets: [0, 0, 0],
    progressAt,
    ...dropped,
    ...changes,
  };
  return JSON.stringify({ type: 'report', request: 0, workers: [worker], rssBytes: 1, cpuSeconds: 1e6 });
}

const forgeries = {
  'a moment beyond all dates': report({}, 1e300),
  'more errors than calls': report({ errors: 5 }),
  'counts without bound': report({ buckets: [1.7e308, 1.7e308, 0] }),
  'half a count': report({ buckets: [0.5, 0, 0] }),
  'buckets of another group': report({ buckets: [1] }),
};

test('well-formed nonsense on the control channel breaks no answer, of no group', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'good', module: 'millisecond.mjs', workers: 1 });
  await service.start('good');
  let i = 0;
  for (const [what, message] of Object.entries(forgeries)) {
    const name = `forger-${i++}`;
    await service.register({ name, module: 'forges.mjs', workers: 1, buckets: BUCKETS, params: { message } });
    await service.call('POST', `/v1/groups/${name}/start?wait=false`);
    await until(`${what} to be heard`, async () => {
      const forged = service.log.some(({ msg, group }) => msg === 'forged' && group === name);
      return forged || (await service.status(name)).state === 'failed' ? true : undefined;
    });
    assert.equal((await service.call('GET', '/v1/groups')).status, 200, what);
    assert.equal((await service.call('GET', '/metrics')).status, 200, what);
    assert.equal((await service.call('DELETE', `/v1/groups/${name}`)).status, 200, what);
  }
  assert.equal((await service.status('good')).state, 'running');
});

test('a record that is not JSON is an exception like any other: the module is loaded no more than needed', async (t) => {
  const journal = join(temporaryDirectory(t), 'journal');
  const service = await startService(t, { env: { LOAD_JOURNAL: journal } });
  await service.register({ name: 'a', module: 'parses.mjs' });
  await service.call('POST', '/v1/groups/a/start?wait=false');
  const { reason } = await service.reaches('a', 'failed');
  assert.match(reason, /^Exception in worker 0: .*JSON/);
  assert.equal(lines(journal).length, 3, 'once in the hooks thread, once in each worker');
});

test('an error with an endless name is told as what it is', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'long-name.mjs', workers: 1 });
  await service.call('POST', '/v1/groups/a/start?wait=false');
  assert.equal((await service.reaches('a', 'failed')).reason, 'Exception in worker 0: too much');
});

test('a logger that is at work when the stop comes still gets the exact sums', async (t) => {
  const journal = join(temporaryDirectory(t), 'journal');
  const service = await startService(t, { env: { LOGGER_JOURNAL: journal } });
  await service.register({
    name: 'a',
    module: 'millisecond.mjs',
    loggers: ['logger-slow.mjs'],
    logIntervalSeconds: 0.1,
  });
  await service.start('a');
  await until('the first log', () => (service.log.length > 0 && existsWithLine(journal)) || undefined);
  assert.equal((await service.stop('a')).success, true);
  const last = JSON.parse(lines(journal).at(-1) ?? '{}');
  assert.equal(last.worker_time_count, (await service.status('a')).totals.iterations);
  assert.ok(!service.log.some(({ msg }) => /did not return/.test(msg)));
});

test('a logger that hangs does not make a failure of a stop whose grace is shorter than its time', async (t) => {
  const service = await startService(t);
  const loggers = ['logger-spins.mjs'];
  await service.register({
    name: 'a',
    module: 'millisecond.mjs',
    loggers,
    logIntervalSeconds: 0.1,
    stopGraceSeconds: 0.5,
  });
  await service.start('a');
  const { success, groups } = await service.stop('a');
  assert.deepEqual([success, groups[0].killed, groups[0].reason], [true, [], null]);
  assert.equal((await service.status('a')).state, 'stopped');
});

test('a setup that the stop ends is followed by nothing', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'setup-waits.mjs' });
  await service.call('POST', '/v1/groups/a/start?wait=false');
  const told = (text: string) => service.log.filter(({ msg }) => msg === text).length;
  await until('both workers to be in setup', () => told('in setup') === 2 || undefined);
  assert.deepEqual((await service.stop('a')).success, true);
  assert.equal((await service.status('a')).state, 'stopped');
  assert.equal(told('teardown of what was never set up'), 0);
});

test('the last line of a worker is heard, even without an end', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'last-words.mjs', workers: 1 });
  await service.start('a');
  await service.reaches('a', 'completed');
  await until('its last words', () => service.log.some(({ msg }) => msg === 'no line break') || undefined);
});

test('a flood of short lines from a child process is bounded and counted', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'floods.mjs', workers: 1 });
  const startedAt = performance.now();
  await service.start('a');
  const dropped = () => service.log.filter(({ msg }) => /^\d+ log lines were dropped/.test(msg));
  await until('dropped lines of both outputs to be counted', () => dropped().length >= 2 || undefined);
  assert.equal((await service.stop('a')).success, true);
  const passed = service.log.filter(({ msg }) => msg === 'y').length;
  const most = 2 * (1_000 + 200 * ((performance.now() - startedAt) / 1000));
  assert.ok(passed > 0 && passed <= most, `${passed} lines got through, at most ${most} may`);
});

test('a generator is no worker function', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'generator.mjs' });
  const { status, body } = await service.call('POST', '/v1/groups/a/start');
  assert.deepEqual([status, body.code], [500, 'module_failed']);
  assert.match(body.detail, /is a generator/);
});

test('a start of several tells of those that died while it waited for the others', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'dies', module: 'throws.mjs', params: { index: 0, at: 20 } });
  await service.register({ name: 'slow', module: 'setup-slow.mjs', workers: 1 });
  const { body } = await service.call('POST', '/v1/start');
  const [dies, slow] = body.groups;
  assert.deepEqual([body.success, dies.success, slow.success], [false, false, true]);
  assert.match(dies.reason, /Exception in worker 0: bad record/);
});

function existsWithLine(path: string): boolean {
  try {
    return lines(path).length > 0;
  } catch {
    return false;
  }
}
