import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';

test('a worker is given everything that the contract names; sleep ends early on stop', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'other', module: 'empty.mjs', workers: 1 });
  const params = { rate: 0.5, nested: [null, { ü: true }] };
  await service.register({
    name: 'a',
    module: 'tells-context.mjs',
    workers: 2,
    params,
    labels: { role: 'train' },
  });
  await service.start('a');
  const told = (text: string) => service.log.filter(({ msg }) => msg === text);
  await until('both workers to tell', () => told('context').length === 2 || undefined);
  const contexts = told('context').sort(
    (left, right) => Number(left['workerId']) - Number(right['workerId']),
  );
  const group = { name: 'a', workerIds: [1, 2], labels: { role: 'train' }, params };
  const shared = { answer: 42, big: '10', map: [['a', 1]] };
  for (const index of [0, 1]) {
    assert.equal(contexts[index]?.['workerId'], index + 1);
    assert.deepEqual(contexts[index]?.['fields'], {
      workerId: index + 1,
      same: true,
      index,
      count: 2,
      group,
      labels: { role: 'train' },
      params,
      shared,
      aborted: false,
    });
  }
  const report = await service.stop('a');
  assert.equal(report.success, true, 'ctx.sleep(3600) ended');
  await until('both workers to wake', () => told('woken').length === 2 || undefined);
  assert.deepEqual(
    told('woken').map(({ fields }) => fields),
    [
      { iteration: 0, aborted: true },
      { iteration: 0, aborted: true },
    ],
  );
});

test('a loop of async functions that never wait lets timers and the stop through', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'never-waits.mjs' });
  await service.start('a');
  await until(
    'the timers to have run',
    () => service.log.some(({ msg }) => msg === 'timers run') || undefined,
  );
  assert.equal((await service.stop('a')).success, true);
});

test('an AbortError that comes from the stop is no failure and no error', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'aborts.mjs' });
  await service.start('a');
  await service.inTheCall('a', 2);
  const report = await service.stop('a');
  assert.deepEqual([report.success, report.groups[0].reason], [true, null]);
  const { state, totals } = await service.status('a');
  assert.deepEqual([state, totals.iterations, totals.errors], ['stopped', 2, 0]);
});

test('every way for a worker to end that nobody asked for fails its group and no other', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'good', module: 'millisecond.mjs', workers: 1 });
  await service.start('good');
  const ways = {
    exit: /^Worker \d+ ended its own thread \(exited with code: 0\) instead of returning$/,
    abort: /The host of group "abort" died: it was ended by SIGABRT/,
    timer: /Exception in worker \d+: in a timer/,
    rejection: /Exception in worker \d+: nobody waits for it/,
    null: /Exception in worker \d+: null/,
    getter: /Exception in worker \d+: \[object Object\]/,
  };
  for (const [how, reason] of Object.entries(ways)) {
    await service.register({ name: how, module: 'exits.mjs', params: { how } });
    await service.call('POST', `/v1/groups/${how}/start?wait=false`);
    const status = await service.reaches(how, 'failed');
    assert.match(status.reason, reason, how);
  }
  const before = (await service.status('good')).totals.iterations;
  await until(
    'the good group to go on',
    async () => (await service.status('good')).totals.iterations > before || undefined,
  );
});

test('bytes that are no message, on the channel to the control plane: the group fails, the service lives', async (t) => {
  const service = await startService(t);
  const floods = {
    noise: 'this is not JSON\n',
    strange: '{"type":"launch missiles"}\n',
    prototype: '{"type":"running","__proto__":{"x":1}}\n',
    endless: 'x'.repeat(5 * 1024 * 1024),
  };
  for (const [name, bytes] of Object.entries(floods)) {
    if (name === 'endless') await service.register({ name, module: 'garbage-endless.mjs', workers: 1 });
    else await service.register({ name, module: 'garbage.mjs', workers: 1, params: { bytes } });
    await service.start(name);
    const { reason } = await service.reaches(name, 'failed');
    assert.match(reason, /it was killed, because it sent a (line|message) .* on its control channel/);
  }
  // Messages of the protocol at the wrong moment are without effect.
  const forged =
    '{"type":"looping","workerId":0}\n{"type":"initialised"}\n{"type":"completed","workerId":4711}\n';
  await service.register({ name: 'forger', module: 'garbage.mjs', workers: 1, params: { bytes: forged } });
  await service.start('forger');
  await until(
    'the forger to have written',
    async () => (await service.status('forger')).totals.iterations > 10 || undefined,
  );
  assert.equal((await service.status('forger')).state, 'running');
  assert.equal((await service.stop('forger')).success, true);
});

test('a flood of log lines is bounded and counted', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'chatters.mjs', workers: 1 });
  await service.start('a');
  await until(
    'dropped lines to be counted',
    () => service.log.some(({ msg }) => /^\d+ log lines were dropped/.test(msg)) || undefined,
  );
  assert.equal((await service.stop('a')).success, true);
  const noise = service.log.filter(({ msg }) => msg.startsWith('noise')).length;
  const { iterations } = (await service.status('a')).totals;
  assert.ok(noise > 0 && noise < 1000 * iterations, `${noise} lines of ${1000 * iterations} got through`);
});

test('loggers get the sums of the seed; one that throws or hangs is logged and hurts nobody', async (t) => {
  const journal = join(temporaryDirectory(t), 'journal');
  const service = await startService(t, { env: { LOGGER_JOURNAL: journal } });
  await service.register({
    name: 'a',
    module: 'finishes.mjs',
    params: { calls: 50 },
    loggers: ['logger-throws.mjs', 'keeps-sum.mjs'],
    logIntervalSeconds: 0.1,
  });
  await service.start('a');
  await service.reaches('a', 'completed');
  const last = JSON.parse(lines(journal).at(-1) ?? '{}');
  assert.equal(last.group, 'a');
  assert.equal(last.worker_time_count, 100, 'the last call has the exact sums');
  assert.ok(last.worker_time > 0);
  assert.deepEqual(
    last.workers.map(({ workerId, worker_time_count }: Record<string, number>) => [
      workerId,
      worker_time_count,
    ]),
    [
      [0, 50],
      [1, 50],
    ],
  );
  assert.ok(service.log.some(({ msg }) => /Failed to call logger .*logger-throws.mjs: no disk/.test(msg)));

  await service.register({
    name: 'b',
    module: 'millisecond.mjs',
    loggers: ['logger-spins.mjs'],
    logIntervalSeconds: 0.1,
  });
  await service.start('b');
  await until(
    'worker b to be measured',
    async () => (await service.status('b')).totals.iterations > 300 || undefined,
  );
  const report = await service.stop('b');
  assert.deepEqual([report.success, report.groups[0].killed], [true, []]);
  assert.ok(service.log.some(({ msg }) => /The loggers did not return/.test(msg)));
});
