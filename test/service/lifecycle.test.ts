import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { hostsOf } from '../support/processes.js';
import { startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';

test('register, start, measure, stop by name, stop all, delete', async (t) => {
  const service = await startService(t);
  const registered = await service.call('POST', '/v1/groups', { name: 'train', module: 'millisecond.mjs' });
  assert.equal(registered.status, 201);
  assert.equal(registered.headers.get('location'), '/v1/groups/train');
  assert.equal(registered.body.spec.workers, 2, 'two workers by default');
  assert.deepEqual(
    registered.body.workers.map(({ id, state }: { id: number; state: string }) => [id, state]),
    [
      [0, 'idle'],
      [1, 'idle'],
    ],
  );
  await service.register({ name: 'test', module: 'empty.mjs', workers: 1, labels: { role: 'test' } });

  const started = await service.start('train');
  assert.deepEqual([started.state, started.desired, started.reason], ['running', 'running', null]);
  assert.equal(
    (await service.start('train')).host.pid,
    started.host.pid,
    'a start of what runs changes nothing',
  );
  await service.start('test');
  await until('both groups to be measured', async () => {
    const counts = ['train', 'test'].map((name) =>
      service.metric(`worker_time_seconds_count{group="${name}"}`),
    );
    return (await Promise.all(counts)).every((count) => (count ?? 0) > 100) || undefined;
  });
  const list = await service.call('GET', '/v1/groups?label=role=test');
  assert.deepEqual(
    list.body.groups.map(({ name }: { name: string }) => name),
    ['test'],
  );

  const stopped = await service.stop('train');
  assert.deepEqual([stopped.success, stopped.groups[0].killed, stopped.groups[0].name], [true, [], 'train']);
  assert.equal((await service.status('test')).state, 'running', 'the other group goes on');
  const all = await service.call('POST', '/v1/stop');
  assert.deepEqual([all.status, all.body.success, all.body.groups.length], [200, true, 2]);
  assert.deepEqual(hostsOf(service.pid), []);

  const again = await service.start('train');
  assert.deepEqual(
    again.workers.map(({ id }: { id: number }) => id),
    [0, 1],
    'the same workers',
  );
  assert.equal((await service.call('DELETE', '/v1/groups/train')).body.success, true);
  assert.equal((await service.call('GET', '/v1/groups/train')).status, 404);
  assert.ok(!(await service.metrics()).includes('group="train"'), 'its series are gone');
  await service.register({ name: 'train', module: 'empty.mjs', workers: 1 });
  assert.deepEqual((await service.status('train')).workers[0].id, 3, 'an id is never used again');
});

test('counters are exact after a stop, and the histogram agrees with them', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'finishes.mjs', workers: 3, params: { calls: 1234 } });
  await service.start('a');
  const status = await service.reaches('a', 'completed');
  assert.equal(status.totals.iterations, 3 * 1234);
  assert.deepEqual(
    status.workers.map(({ iterations, state }: { iterations: number; state: string }) => [iterations, state]),
    [
      [1234, 'completed'],
      [1234, 'completed'],
      [1234, 'completed'],
    ],
  );
  assert.equal(await service.metric('worker_time_seconds_count{group="a"}'), 3 * 1234);
  assert.equal(await service.metric('worker_time_seconds_bucket{group="a",le="+Inf"}'), 3 * 1234);
  assert.equal(await service.metric('worker_iterations_total{group="a",worker="0",result="ok"}'), 1234);
  assert.equal(await service.metric('worker_group_state{group="a",state="completed"}'), 1);
  assert.equal(await service.metric('worker_group_workers{group="a",state="completed"}'), 3);
  await service.start('a');
  await service.reaches('a', 'completed');
  assert.equal(
    await service.metric('worker_time_seconds_count{group="a"}'),
    2 * 3 * 1234,
    'they go on at the next start',
  );
});

test('one worker that finishes leaves its thread; the group runs on until all have', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'finishes-one.mjs' });
  await service.start('a');
  const status = await until('worker 0 to complete', async () => {
    const now = await service.status('a');
    return now.workers[0].state === 'completed' ? now : undefined;
  });
  assert.deepEqual([status.state, status.workers[1].state], ['running', 'running']);
  assert.equal((await service.stop('a')).success, true);
  const after = await service.status('a');
  assert.deepEqual(
    [after.state, after.workers[0].state, after.workers[1].state],
    ['stopped', 'completed', 'stopped'],
  );
});

test('the hooks of several groups run in the order of the contract', async (t) => {
  const service = await startService(t);
  const journal = join(temporaryDirectory(t), 'journal');
  for (const name of ['a', 'b']) {
    await service.register({
      name,
      module: 'journal.mjs',
      workers: 2,
      params: { journal },
      labels: { set: 'x' },
    });
  }
  const report = await service.call('POST', '/v1/start?label=set=x');
  assert.deepEqual([report.status, report.body.success], [200, true]);
  assert.deepEqual(
    report.body.groups.map(({ name, state }: { name: string; state: string }) => [name, state]),
    [
      ['a', 'running'],
      ['b', 'running'],
    ],
  );
  await until(
    'every worker to have been called',
    () => lines(journal).filter((line) => line.startsWith('first')).length === 4 || undefined,
  );
  assert.equal((await service.call('POST', '/v1/stop')).body.success, true);

  const written = lines(journal);
  assert.deepEqual(written.slice(0, 4), [
    'init a workers=0,1 all=0,1,2,3 groups=a,b',
    'initialised a',
    'init b workers=2,3 all=0,1,2,3 groups=a,b',
    'initialised b',
  ]);
  for (const [name, ids] of [
    ['a', [0, 1]],
    ['b', [2, 3]],
  ] as const) {
    const own = written.filter((line) => line.split(' ')[1] === name);
    assert.equal(own.at(-1), `cleanup ${name}`, 'cleanup comes when every worker has ended');
    assert.equal(own.filter((line) => line.startsWith('shutdown')).length, 1);
    for (const id of ids) {
      const steps = own.filter((line) => line.split(' ')[2] === String(id)).map((line) => line.split(' ')[0]);
      assert.deepEqual(steps, ['setup', 'first', 'teardown'], `worker ${id}`);
    }
  }
  assert.ok(written.includes('first a 0 [1,2,3]'), 'workers are given what init returned');
  assert.ok(written.includes('teardown a 1 aborted=true'));
});

test('an init that fails: nothing of that start runs, the others are rolled back with their hooks', async (t) => {
  const service = await startService(t);
  const journal = join(temporaryDirectory(t), 'journal');
  await service.register({ name: 'a', module: 'journal.mjs', params: { journal } });
  await service.register({ name: 'b', module: 'journal.mjs', params: { journal, fails: 'init' } });
  await service.register({ name: 'c', module: 'journal.mjs', params: { journal } });
  const { body } = await service.call('POST', '/v1/start');
  assert.equal(body.success, false);
  assert.match(body.groups[1].reason, /The init hook of group "b" failed: init was told to fail/);
  assert.match(body.groups[0].reason, /Rolled back, because group "b" failed to start/);
  assert.deepEqual(
    body.groups.map(({ state }: { state: string }) => state),
    ['stopped', 'failed', 'stopped'],
  );
  const words = lines(journal).map((line) => line.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(words, ['init a', 'initialised a', 'init b', 'shutdown a', 'cleanup a']);
  assert.deepEqual(hostsOf(service.pid), []);

  const alone = await service.call('POST', '/v1/groups/b/start');
  assert.deepEqual([alone.status, alone.body.code], [500, 'init_failed']);
});

test('a setup that fails fails the group, and its shutdown and cleanup run', async (t) => {
  const service = await startService(t);
  const journal = join(temporaryDirectory(t), 'journal');
  await service.register({ name: 'a', module: 'journal.mjs', params: { journal, fails: 'setup' } });
  const { status, body } = await service.call('POST', '/v1/groups/a/start');
  assert.deepEqual([status, body.code], [500, 'setup_failed']);
  assert.match(body.detail, /Exception in worker \d \(setup\): setup was told to fail/);
  const words = lines(journal).map((line) => line.split(' ')[0]);
  assert.ok(
    words.includes('shutdown') && words.includes('cleanup') && !words.includes('first'),
    String(words),
  );
  assert.equal((await service.status('a')).state, 'failed');
});

test('shutdown, cleanup and teardown that throw are told and keep nobody from ending', async (t) => {
  const service = await startService(t);
  for (const hook of ['shutdown', 'cleanup', 'teardown']) {
    const journal = join(temporaryDirectory(t), 'journal');
    await service.register({ name: hook, module: 'journal.mjs', params: { journal, fails: hook } });
    await service.start(hook);
    const report = await service.stop(hook);
    assert.equal(report.success, true, hook);
    assert.match(report.groups[0].reason, new RegExp(`${hook}.*was told to fail`));
    assert.equal((await service.status(hook)).state, 'stopped');
  }
});

test('a worker that throws stops its whole group and no other', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'bad', module: 'throws.mjs', params: { index: 1, at: 20 } });
  await service.register({ name: 'good', module: 'millisecond.mjs' });
  await service.start('good');
  await service.call('POST', '/v1/groups/bad/start?wait=false');
  const status = await service.reaches('bad', 'failed');
  assert.equal(status.reason, 'Exception in worker 1: bad record');
  assert.deepEqual(
    status.workers.map(({ state }: { state: string }) => state),
    ['stopped', 'failed'],
  );
  assert.deepEqual(
    [status.workers[1].iterations, status.workers[1].errors],
    [21, 1],
    'the failed call is counted',
  );
  assert.equal(await service.metric('worker_iterations_total{group="bad",worker="1",result="error"}'), 1);
  assert.equal((await service.status('good')).state, 'running');
  assert.ok(
    service.log.some(({ msg, stack }) => msg === 'Error: bad record' && String(stack).includes('throws.mjs')),
    'the log has the stack',
  );
  await service.call('POST', '/v1/groups/bad/start?wait=false');
  await until('it to run, and to fail, once more', async () =>
    (await service.status('bad')).workers[1].errors === 2 ? true : undefined,
  );
});
