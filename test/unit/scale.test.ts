import assert from 'node:assert/strict';
import test from 'node:test';
import { iterations } from '#dist/coordinator/counters.js';
import type { Group } from '#dist/coordinator/group.js';
import { deferred } from '#dist/deferred.js';
import {
  bringUp,
  code,
  comesUp,
  fakeCoordinator,
  obeyed,
  restart,
  running,
  spec,
} from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';
import { MemoryStore } from '../support/memory-store.js';

const ON_FAILURE = restart({ policy: 'on-failure' });
const states = (group: Group) => group.workers().map(({ state }) => state);

/** Whether a promise has come to its end, one way or the other. */
function watch(promise: Promise<unknown>) {
  const watched = { done: false };
  const end = () => {
    watched.done = true;
  };
  promise.then(end, end);
  return watched;
}

test('PATCH to more workers starts only the new ones, and answers when they are in their loops', async () => {
  const { coordinator, host, group } = await running();
  const scaled: unknown[] = [];
  coordinator.events.on('scaled', (event) => scaled.push(event));
  const patched = coordinator.patch('a', { workers: 4 });
  const watched = watch(patched);
  await settle();
  assert.deepEqual(host.asked, ['init', 'run', 'count 4', 'start 2 at 2', 'start 3 at 3']);
  assert.deepEqual(states(group), ['running', 'running', 'starting', 'starting']);
  assert.equal(group.state, 'running');
  host.workerLoops(3);
  await settle();
  assert.equal(watched.done, false, 'one is missing');
  host.workerLoops(2);
  assert.equal(await patched, group);
  assert.deepEqual(states(group), ['running', 'running', 'running', 'running']);
  assert.deepEqual(group.workerIds, [0, 1, 2, 3]);
  assert.deepEqual([group.spec.workers, group.restartPending], [4, false]);
  assert.deepEqual(scaled, [{ group: 'a', workers: 4 }]);
});

test('PATCH to fewer workers stops the highest index first, and answers when they have ended', async () => {
  const { coordinator, clock, host, group } = await running({ workers: 4 });
  const patched = coordinator.patch('a', { workers: 2 });
  const watched = watch(patched);
  await settle();
  assert.deepEqual(host.asked, ['init', 'run', 'count 2', 'stop 3', 'stop 2']);
  assert.deepEqual(states(group), ['running', 'running', 'stopping', 'stopping']);
  host.workerEnds(3);
  await settle();
  assert.equal(watched.done, false);
  assert.deepEqual(group.workerIds, [0, 1, 2]);
  host.workerEnds(2);
  await patched;
  assert.deepEqual(group.workerIds, [0, 1]);
  assert.deepEqual(states(group), ['running', 'running']);
  assert.deepEqual([group.state, group.restartPending], ['running', false]);
  clock.advance(6_000);
  assert.equal(
    host.asked.some((what) => what.startsWith('kill')),
    false,
  );
});

test('ids of workers that have left are never used again', async () => {
  const { coordinator, host, group } = await running();
  const down = coordinator.patch('a', { workers: 1 });
  await settle();
  host.workerEnds(1);
  await down;
  const up = coordinator.patch('a', { workers: 2 });
  await settle();
  assert.equal(host.asked.at(-1), 'start 2 at 1');
  host.workerLoops(2);
  await up;
  assert.deepEqual(
    group.workers().map(({ id, index }) => [id, index]),
    [
      [0, 0],
      [2, 1],
    ],
  );
});

test('what workers have counted that left stays in the totals', async () => {
  const { coordinator, host, group } = await running({ workers: 3 });
  for (const id of [0, 1, 2]) host.counts(id, 10);
  const down = coordinator.patch('a', { workers: 1 });
  await settle();
  host.counts(2, 15);
  host.workerEnds(2);
  host.workerEnds(1);
  await down;
  assert.equal(iterations(group.totals()), 35);
  assert.equal(group.workers().length, 1);
  host.counts(0, 11);
  const up = coordinator.patch('a', { workers: 2 });
  await settle();
  host.workerLoops(3);
  await up;
  host.counts(3, 1);
  assert.equal(iterations(group.totals()), 37);
  const stopped = coordinator.stop('a');
  host.finish();
  await stopped;
  assert.equal(iterations(group.totals()), 37, 'and after the end of the host');
});

test('a worker that does not leave within its grace is killed, and counted as such', async () => {
  const { coordinator, clock, host, group } = await running();
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  clock.advance(4_999);
  assert.equal(host.has('kill 1'), false);
  clock.advance(1);
  assert.equal(host.asked.at(-1), 'kill 1');
  host.workerEnds(1, true);
  await patched;
  assert.equal(group.record.killed, 1);
  assert.deepEqual([group.state, group.workerIds], ['running', [0]]);
  assert.deepEqual(group.record.failures, []);
});

test('a worker that fails on its way out is not started again, and fails nobody', async () => {
  const { coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  host.workerThrows(1);
  host.workerEnds(1);
  await patched;
  clock.advance(10_000);
  assert.equal(group.state, 'running');
  assert.equal(host.has('start 1 at 1'), false);
  assert.deepEqual(group.record.failures, []);
});

test('a worker that waits for its next try leaves at once', async () => {
  const { coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(1);
  host.workerEnds(1);
  await coordinator.patch('a', { workers: 1 });
  assert.deepEqual(group.workerIds, [0]);
  clock.advance(10_000);
  assert.deepEqual(
    host.asked,
    ['init', 'run', 'count 1', 'stop 1'],
    'its host forgets it, and starts nobody',
  );
});

test('a worker that finishes its work while it leaves has left', async () => {
  const { coordinator, host, group } = await running({ restart: restart({ policy: 'always' }) });
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  host.workerCompletes(1);
  await patched;
  assert.deepEqual(group.workerIds, [0]);
});

test('when the one that still worked has left, and the others have finished, the group is completed', async () => {
  const { coordinator, host, group } = await running();
  host.workerCompletes(0);
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  host.workerEnds(1);
  await patched;
  await settle();
  assert.equal(group.state, 'stopping');
  host.finish();
  assert.equal(group.state, 'completed');
});

test('a new worker goes to work beside others that have finished', async () => {
  const { coordinator, host, group } = await running();
  host.workerCompletes(0);
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  host.workerCompletes(1);
  assert.equal(group.state, 'running', 'the new one has work to do');
  host.workerLoops(2);
  await patched;
  host.workerCompletes(2);
  host.finish();
  assert.equal(group.state, 'completed');
});

test('when a worker that leaves cannot be ended the whole group is restarted with the new number', async () => {
  const { world, coordinator, clock, hosts, host, group } = await running({ workers: 3 });
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  host.workerEnds(1);
  clock.advance(5_000);
  host.workerSticks(2);
  await settle();
  assert.equal(group.state, 'stopping');
  clock.advance(5_000);
  host.exit();
  const next = await comesUp(world, 'a');
  await patched;
  assert.deepEqual(next.launch?.group.workerIds, [0]);
  assert.deepEqual([group.state, group.workerIds], ['running', [0]]);
  assert.equal(hosts.all.length, 2);
});

test('two PATCHes at once end at the later number', async () => {
  const { coordinator, host, group } = await running();
  const both = [coordinator.patch('a', { workers: 5 }), coordinator.patch('a', { workers: 3 })];
  for (let turn = 0; turn < both.length; turn++) {
    await settle();
    host.obeysOrders();
  }
  await Promise.all(both);
  assert.deepEqual([group.spec.workers, group.workerIds], [3, [0, 1, 2]]);
  assert.deepEqual(states(group), ['running', 'running', 'running']);
});

test('a PATCH while another still starts workers waits for it, and the later number is what counts', async () => {
  const { coordinator, host, group } = await running();
  const up = coordinator.patch('a', { workers: 4 });
  await settle();
  const down = coordinator.patch('a', { workers: 1 });
  const watched = watch(down);
  await settle();
  assert.equal(host.has('stop 3'), false);
  for (const id of [2, 3]) host.workerLoops(id);
  await up;
  await settle();
  assert.deepEqual(host.asked.slice(-4), ['count 1', 'stop 3', 'stop 2', 'stop 1']);
  assert.equal(watched.done, false);
  for (const id of [3, 2, 1]) host.workerEnds(id);
  await down;
  assert.deepEqual([group.spec.workers, group.workerIds], [1, [0]]);
});

test('PATCH while the group starts takes effect when it runs', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  const started = coordinator.start('a');
  await settle();
  const patched = coordinator.patch('a', { workers: 3 });
  const host = await comesUp(world, 'a');
  await started;
  await settle();
  assert.deepEqual(host.asked, ['init', 'run', 'count 3', 'start 2 at 2']);
  host.workerLoops(2);
  await patched;
  assert.deepEqual(states(coordinator.get('a')), ['running', 'running', 'running']);
  assert.equal(hosts.all.length, 1);
});

test('a stop during a scaling wins, and the PATCH comes to its end', async () => {
  for (const workers of [1, 4]) {
    const { coordinator, clock, hosts, host, group } = await running();
    const patched = coordinator.patch('a', { workers });
    await settle();
    const stopped = coordinator.stop('a');
    await patched;
    host.finish();
    assert.equal((await stopped).success, true);
    assert.deepEqual([group.state, group.desired], ['stopped', 'stopped']);
    assert.deepEqual(group.workers().length, workers);
    assert.equal(clock.pending, 0);
    assert.equal(hosts.all.length, 1);
  }
});

test('a stop wins over a scaling in which a worker cannot be ended', async () => {
  const { coordinator, clock, hosts, host, group } = await running({ workers: 3 });
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  clock.advance(5_000);
  host.workerSticks(2);
  await settle();
  // The other one has not answered yet.
  const stopped = coordinator.stop('a');
  await settle();
  clock.advance(5_000);
  host.exit();
  await stopped;
  await Promise.allSettled([Promise.race([patched, settle()])]);
  await settle();
  assert.deepEqual([group.state, group.desired], ['stopped', 'stopped']);
  assert.equal(hosts.all.length, 1);
});

test('a group that is given no room for more workers stays as it is', async () => {
  const world = fakeCoordinator({ maxWorkers: 5 });
  const { coordinator, hosts } = world;
  for (const name of ['a', 'b']) {
    await coordinator.register(spec(name));
    await bringUp(world, name);
  }
  const group = coordinator.get('a');
  await assert.rejects(coordinator.patch('a', { workers: 4 }), code('worker_cap_reached'));
  assert.deepEqual([group.spec.workers, group.workerIds, group.state], [2, [0, 1], 'running']);
  assert.deepEqual(hosts.of('a').asked, ['init', 'run']);
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  hosts.of('a').workerLoops(4);
  await patched;
});

test('workers that left give their room to others', async () => {
  const world = fakeCoordinator({ maxWorkers: 4 });
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a', { workers: 4 }));
  await coordinator.register(spec('b'));
  await bringUp(world, 'a');
  await assert.rejects(coordinator.start('b'), code('worker_cap_reached'));
  const patched = coordinator.patch('a', { workers: 2 });
  await settle();
  await assert.rejects(coordinator.start('b'), code('worker_cap_reached'), 'they have not left yet');
  for (const id of [3, 2]) hosts.of('a').workerEnds(id);
  await patched;
  await bringUp(world, 'b');
  assert.equal(coordinator.get('b').state, 'running');
});

test('the cap holds for workers that a PATCH has been granted and has not started yet', async () => {
  const world = fakeCoordinator({ maxWorkers: 5 });
  const { coordinator, hosts } = world;
  for (const name of ['a', 'b']) await coordinator.register(spec(name));
  await bringUp(world, 'a');
  const patches = [coordinator.patch('a', { workers: 3 })];
  await settle();
  // Granted, but it has to wait until the first is done.
  patches.push(coordinator.patch('a', { workers: 5 }));
  await settle();
  await assert.rejects(
    Promise.race([coordinator.start('b'), settle()]),
    code('worker_cap_reached'),
    'all five are spoken for',
  );
  assert.equal(hosts.alive('b').length, 0);
});

test('the cap holds for workers that a PATCH was granted while the group starts', async () => {
  const { coordinator, hosts } = fakeCoordinator({ maxWorkers: 4 });
  for (const name of ['a', 'b']) await coordinator.register(spec(name));
  void coordinator.start('a');
  await settle();
  void coordinator.patch('a', { workers: 4 });
  await settle();
  await assert.rejects(Promise.race([coordinator.start('b'), settle()]), code('worker_cap_reached'));
  assert.equal(hosts.alive('b').length, 0);
});

test('without a policy a new worker whose setup fails fails the group, and the PATCH says why', async () => {
  const { coordinator, host, group } = await running();
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  host.workerFails('setup', 2, 'no data');
  await assert.rejects(patched, (error) => code('setup_failed')(error) && /no data/.test(String(error)));
  host.finish();
  assert.deepEqual([group.state, group.reason], ['failed', 'Exception in worker 2 (setup): no data']);
});

test('under on-failure a new worker whose setup fails is tried again alone', async () => {
  const { coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  host.workerFails('setup', 2, 'no data');
  host.workerEnds(2);
  await patched;
  assert.equal(group.state, 'running');
  clock.advance(1_000);
  assert.equal(host.asked.at(-1), 'start 2 at 2');
  host.workerLoops(2);
  assert.deepEqual(states(group), ['running', 'running', 'running']);
});

test('a new worker that does not start in time is killed, and without a policy fails the group', async () => {
  const { coordinator, clock, host, group } = await running({ startTimeoutSeconds: 10 });
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  clock.advance(10_000);
  await assert.rejects(patched, code('start_timeout'));
  assert.ok(host.has('kill 2'));
  host.finish();
  assert.equal(group.state, 'failed');
});

test('a host that dies during a scaling: the PATCH says so, the next life has the new number', async () => {
  const { world, coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  host.exit();
  await assert.rejects(patched, code('host_failed'));
  assert.equal(group.state, 'backoff');
  clock.advance(1_000);
  const next = await comesUp(world, 'a');
  assert.deepEqual(next.launch?.group.workerIds, [0, 1, 2]);
  assert.deepEqual(states(group), ['running', 'running', 'running']);
});

test('a new worker that failed and came back is stopped with its group', async () => {
  const { coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  host.workerLoops(2);
  await patched;
  host.workerThrows(2);
  host.workerEnds(2);
  clock.advance(1_000);
  host.workerLoops(2);
  const stopped = coordinator.stop('a');
  clock.advance(5_000);
  host.exit();
  assert.deepEqual((await stopped).groups[0]?.killed, [0, 1, 2]);
  assert.equal(group.state, 'stopped');
});

test('a PATCH of workers and of something else scales at once; the rest waits for the next start', async () => {
  const { world, coordinator, host, group } = await running();
  const patched = coordinator.patch('a', { workers: 3, params: { v: 2 } });
  await settle();
  host.workerLoops(2);
  await patched;
  assert.equal(group.restartPending, true);
  const restarted = coordinator.restart('a');
  host.finish();
  const next = await comesUp(world, 'a');
  await restarted;
  assert.deepEqual(next.launch?.group.params, { v: 2 });
  assert.deepEqual(next.launch?.group.workerIds, [0, 1, 2]);
  assert.equal(group.restartPending, false);
});

test('PATCH of the workers of a group at rest asks nobody', async () => {
  const { coordinator, hosts } = fakeCoordinator();
  await coordinator.register(spec('a'));
  const group = await coordinator.patch('a', { workers: 3 });
  assert.deepEqual(group.workerIds, [0, 1, 2]);
  assert.equal(hosts.all.length, 0);
});

test('DELETE during a scaling ends all, and the PATCH comes to its end', async () => {
  const { coordinator, clock, host } = await running();
  const patched = coordinator.patch('a', { workers: 4 });
  await settle();
  const removed = coordinator.remove('a');
  host.finish();
  assert.equal((await removed).success, true);
  await Promise.allSettled([patched]);
  assert.deepEqual(coordinator.list(), []);
  assert.equal(clock.pending, 0);
});

test('a stop order that nobody gave: a worker that stays does not leave by its host’s word', async () => {
  const { coordinator, host, group } = await running({ workers: 3 });
  const patched = coordinator.patch('a', { workers: 2 });
  await settle();
  host.workerEnds(0);
  host.workerEnds(4711);
  assert.deepEqual(states(group), ['running', 'running', 'stopping']);
  host.workerEnds(2);
  await patched;
  assert.deepEqual(group.workerIds, [0, 1]);
});

test('a worker that leaves has one grace, also when it fails on its way out', async () => {
  const { coordinator, clock, host } = await running();
  void coordinator.patch('a', { workers: 1 });
  await settle();
  clock.advance(4_900);
  host.workerThrows(1);
  clock.advance(100);
  assert.equal(host.asked.at(-1), 'kill 1');
});

test('under always a group is not completed because the one that still worked has left', async () => {
  const { coordinator, clock, host, group } = await running({ restart: restart({ policy: 'always' }) });
  host.workerCompletes(0);
  const patched = coordinator.patch('a', { workers: 1 });
  await settle();
  host.workerEnds(1);
  await patched;
  await settle();
  assert.equal(group.state, 'running');
  clock.advance(1_000);
  assert.equal(host.asked.at(-1), 'start 0 at 0');
});

test('a group that starts while a PATCH of its workers is written does not get past the cap', async () => {
  const store = new MemoryStore();
  const world = fakeCoordinator({ maxWorkers: 4, store });
  const { coordinator, hosts } = world;
  for (const [name, after] of [['first'], ['a', 'first'], ['other']] as const)
    await coordinator.register(spec(name, { workers: 1, after: after === undefined ? [] : [after] }));
  await bringUp(world, 'other');
  const first = coordinator.start('first');
  const started = coordinator.start('a');
  // Not waited for at once, but it must not count as unheard.
  const outcome = started.then(
    () => undefined,
    (error: unknown) => error,
  );
  await settle();
  const gate = deferred<void>();
  store.gate = gate.promise;
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  await comesUp(world, 'first');
  await first;
  await settle();
  store.gate = undefined;
  gate.resolve();
  await obeyed(world, patched);
  const error = await outcome;
  assert.ok(code('worker_cap_reached')(error), String(error));
  assert.deepEqual(hosts.alive('a'), []);
  assert.equal(coordinator.get('a').spec.workers, 3);
});
