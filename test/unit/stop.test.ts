import assert from 'node:assert/strict';
import test from 'node:test';
import { iterations } from '#dist/coordinator/counters.js';
import { fakeCoordinator, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';

async function running(changes = {}) {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a', changes));
  const start = async () => {
    const started = coordinator.start('a');
    await settle();
    hosts.of('a').initialised();
    await settle();
    hosts.of('a').running();
    await started;
    return hosts.of('a');
  };
  return { ...world, start, host: await start(), group: coordinator.get('a') };
}

test('a stop reports success when everybody ended within the grace', async () => {
  const { coordinator, clock, host, group } = await running();
  const stopped = coordinator.stop('a');
  clock.advance(1_500);
  host.finish();
  assert.deepEqual(await stopped, {
    success: true,
    seconds: 1.5,
    groups: [{ name: 'a', success: true, killed: [], seconds: 1.5, reason: null }],
  });
  assert.equal(group.state, 'stopped');
  assert.deepEqual(
    group.workers().map(({ state }) => state),
    ['stopped', 'stopped'],
  );
});

test('who does not end within the grace is killed and named; stopped only when the host is dead', async () => {
  const { coordinator, clock, host, group } = await running();
  const stopped = coordinator.stop('a');
  host.workerEnds(0);
  clock.advance(4_999);
  assert.deepEqual(host.asked, ['init', 'run', 'stop']);
  clock.advance(1);
  assert.deepEqual(host.asked, ['init', 'run', 'stop', 'kill']);
  assert.equal(group.state, 'stopping', 'killed is not dead');
  host.exit();
  const report = await stopped;
  assert.equal(report.success, false);
  assert.deepEqual(report.groups[0]?.killed, [1]);
  assert.equal(report.groups[0]?.reason, 'Worker 1 did not stop within the grace of 5 s: killed');
  assert.equal(group.state, 'stopped');
  assert.equal(group.record.killed, 1);
});

test('a hook that does not return is named, and no worker is', async () => {
  const { coordinator, clock, host } = await running();
  const stopped = coordinator.stop('a');
  host.workerEnds(0);
  host.workerEnds(1);
  host.say({ type: 'hook', hook: 'cleanup', state: 'started' });
  clock.advance(5_000);
  host.exit();
  const [report] = (await stopped).groups;
  assert.deepEqual([report?.success, report?.killed], [false, []]);
  assert.match(report?.reason ?? '', /The cleanup hook did not finish within the grace of 5 s/);
});

test('several stops at once share one end', async () => {
  const { coordinator, host } = await running();
  const stops = [coordinator.stop('a'), coordinator.stopAll({}), coordinator.stop('a')];
  host.finish();
  for (const report of await Promise.all(stops)) assert.equal(report.success, true);
  assert.equal(host.asked.filter((what) => what === 'stop').length, 1);
});

test('a worker that throws stops its group, with the reason of the seed', async () => {
  const { host, group } = await running();
  host.workerThrows(1, 'bad record');
  assert.equal(group.state, 'stopping');
  assert.deepEqual(host.asked, ['init', 'run', 'stop']);
  host.finish();
  assert.equal(group.state, 'failed');
  assert.equal(group.reason, 'Exception in worker 1: bad record');
  assert.equal(group.desired, 'running', 'what the user wants has not changed');
  assert.deepEqual(
    group.workers().map(({ state }) => state),
    ['stopped', 'failed'],
  );
});

test('a throw after stop was asked does not make a failure of the stop, but is told', async () => {
  const { coordinator, host, group } = await running();
  const stopped = coordinator.stop('a');
  host.workerThrows(0, 'queue closed');
  host.finish();
  const [report] = (await stopped).groups;
  assert.deepEqual([report?.success, report?.reason], [true, 'Exception in worker 0: queue closed']);
  assert.equal(group.state, 'stopped');
});

test('a host that dies takes only its group with it', async () => {
  const { host, group } = await running();
  host.counts(0, 7);
  host.exit({ code: null, signal: 'SIGSEGV' });
  assert.equal(group.state, 'failed');
  assert.equal(group.reason, 'The host of group "a" died: it was ended by SIGSEGV');
  assert.equal(iterations(group.totals()), 7);
});

test('a host that dies while it is stopping is no clean stop', async () => {
  const { coordinator, host, group } = await running();
  const stopped = coordinator.stop('a');
  host.exit({ code: 134, signal: null });
  const report = await stopped;
  assert.equal(report.success, false);
  assert.match(report.groups[0]?.reason ?? '', /died while it was stopping: it exited with code 134/);
  assert.equal(group.state, 'failed');
});

test('a group whose workers have all finished is completed, and can be started again', async () => {
  const { start, host, group } = await running();
  host.workerCompletes(0);
  assert.equal(group.state, 'running');
  assert.deepEqual(
    group.workers().map(({ state }) => state),
    ['completed', 'running'],
  );
  host.workerCompletes(1);
  assert.equal(group.state, 'stopping');
  host.finish();
  assert.equal(group.state, 'completed');
  await start();
  assert.equal(group.state, 'running');
});

test('counters go on over restarts, and over a change of workers and of buckets', async () => {
  const { coordinator, start, host, group } = await running({ buckets: [1, 2] });
  const total = () => iterations(group.totals());
  host.counts(0, 10);
  host.counts(1, 5);
  host.counts(1, 5);
  assert.equal(
    total(),
    15,
    'a report replaces the one before it; a worker that it leaves out keeps what it had',
  );
  void coordinator.stop('a');
  host.finish();
  const second = await start();
  assert.equal(total(), 15);
  second.counts(1, 3);
  assert.equal(total(), 18);
  void coordinator.stop('a');
  second.finish();
  await coordinator.replace(spec('a', { workers: 1, buckets: [0.5, 1, 4] }));
  assert.equal(total(), 18, 'what a worker that is gone has done stays done');
  assert.deepEqual(group.totals().buckets, [0, 18, 0, 0], 'a bound that both have keeps its calls');
});

test('PUT on a running group restarts it with the new spec; the same spec changes nothing', async () => {
  const { coordinator, hosts, host, group } = await running();
  await coordinator.replace(spec('a'));
  assert.deepEqual(host.asked, ['init', 'run']);
  const replaced = coordinator.replace(spec('a', { params: { rate: 2 } }));
  await settle();
  host.finish();
  await settle();
  assert.deepEqual(hosts.of('a').launch?.group.params, { rate: 2 });
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').running();
  await replaced;
  assert.equal(group.state, 'running');
});

test('what a host says out of order moves nothing', async () => {
  const { coordinator, hosts, host, group } = await running();
  host.running();
  host.initialised();
  host.workerCompletes(4711);
  host.say({
    type: 'report',
    request: 99,
    workers: [
      { id: 0, seconds: 1, errors: 0, buckets: [1], progressAt: 0, droppedLines: 0, droppedMessages: 0 },
    ],
    rssBytes: 0,
    cpuSeconds: 0,
  });
  assert.equal(group.state, 'running');
  assert.equal(iterations(group.totals()), 0, 'counters over other bounds are not ours');
  void coordinator.stop('a');
  host.running();
  assert.equal(group.state, 'stopping');
  host.finish();
  assert.equal(hosts.alive().length, 0);
});

test('when the service closes everything ends, what is desired stays, and no command is taken', async () => {
  const { coordinator, host, group } = await running();
  const closed = coordinator.close();
  host.finish();
  assert.equal((await closed).success, true);
  assert.equal(group.desired, 'running');
  await assert.rejects(coordinator.start('a'), /shutting down/);
  await assert.rejects(coordinator.register(spec('b')), /shutting down/);
});

test('a scrape never waits for a host that does not answer', async () => {
  const { coordinator, clock, host } = await running();
  let done = false;
  void coordinator.refresh(100).then(() => {
    done = true;
  });
  await settle();
  assert.ok(host.has('report 1'));
  assert.equal(done, false);
  clock.advance(100);
  await settle();
  assert.equal(done, true);
});
