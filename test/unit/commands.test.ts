import assert from 'node:assert/strict';
import test from 'node:test';
import { systemClock } from '#dist/clock.js';
import type { HostExit } from '#dist/coordinator/host.js';
import { ProblemError } from '#dist/errors.js';
import { hostHandles } from '#dist/host/handle.js';
import { bringUp, fakeCoordinator, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';

const code = (expected: string) => (error: unknown) =>
  error instanceof ProblemError && error.code === expected;

test('two registrations that wait for the same removal: one wins, the other is told', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  const removed = coordinator.remove('a');
  const again = [
    coordinator.register(spec('a', { params: 1 })),
    coordinator.register(spec('a', { params: 2 })),
  ];
  await settle();
  hosts.of('a').finish();
  await removed;
  const outcomes = await Promise.allSettled(again);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(coordinator.list().length, 1);
  assert.deepEqual(coordinator.get('a').workerIds, [2, 3], 'ids are taken once');
});

test('a PUT that would not fit leaves the group as it is', async () => {
  const world = fakeCoordinator({ maxWorkers: 5 });
  const { coordinator, hosts } = world;
  for (const name of ['a', 'b']) {
    await coordinator.register(spec(name));
    await bringUp(world, name);
  }
  await assert.rejects(coordinator.replace(spec('a', { workers: 4 })), code('worker_cap_reached'));
  assert.equal(coordinator.get('a').state, 'running');
  assert.equal(coordinator.get('a').spec.workers, 2);
  assert.deepEqual(hosts.of('a').asked, ['init', 'run']);
});

test('desired is what was asked for last, also while an older end is under way', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  const group = coordinator.get('a');
  void coordinator.stop('a');
  assert.equal(group.desired, 'stopped');
  const again = coordinator.start('a');
  assert.deepEqual([group.state, group.desired], ['stopping', 'running']);
  hosts.of('a').finish();
  await settle();
  hosts.of('a').initFails();
  hosts.of('a').finish();
  await assert.rejects(again, code('init_failed'));
  assert.equal(group.desired, 'running', 'a failure changes nothing in it');
});

test('a start that is refused wants nothing', async () => {
  const { coordinator } = fakeCoordinator({ maxWorkers: 3 });
  for (const name of ['a', 'b']) await coordinator.register(spec(name));
  await assert.rejects(coordinator.startAll({}), code('worker_cap_reached'));
  assert.deepEqual(
    coordinator.list().map(({ desired, state }) => [desired, state]),
    [
      ['stopped', 'registered'],
      ['stopped', 'registered'],
    ],
  );
});

test('PUT brings a group back that should run and has failed', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  hosts.of('a').exit();
  assert.equal(coordinator.get('a').state, 'failed');
  const replaced = coordinator.replace(spec('a', { params: { mended: true } }));
  await settle();
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').running();
  await replaced;
  assert.deepEqual([coordinator.get('a').state, coordinator.get('a').reason], ['running', null]);
});

test('a spec that was patched while the group runs waits, and says so', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  const group = await coordinator.patch('a', { params: { v: 2 } });
  assert.equal(group.restartPending, true);
  const replaced = coordinator.replace(spec('a', { params: { v: 2 } }));
  await settle();
  hosts.of('a').finish();
  await settle();
  assert.deepEqual(hosts.of('a').launch?.group.params, { v: 2 }, 'PUT makes the spec true that it is given');
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').running();
  await replaced;
  assert.equal(group.restartPending, false);
});

test('when the host of a group that waits dies, no further init is begun', async () => {
  const { coordinator, hosts } = fakeCoordinator();
  for (const name of ['a', 'b', 'c']) await coordinator.register(spec(name));
  const started = coordinator.startAll({});
  await settle();
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').exit();
  hosts.of('b').initialised();
  await settle();
  assert.equal(hosts.of('c').has('init'), false);
  hosts.of('b').finish();
  hosts.of('c').exit();
  const codes = (await started).map(({ problem }) => problem?.code);
  assert.deepEqual(codes, ['host_failed', 'start_rolled_back', 'start_rolled_back']);
});

test('a host that cannot be started is one that has exited', async () => {
  const createHost = hostHandles({
    clock: systemClock,
    start: () => {
      throw new Error('spawn EAGAIN');
    },
    removeDirectory: () => {},
  });
  const exited = new Promise<HostExit>((resolve) => {
    createHost(spec('a'), { message: () => {}, exited: resolve });
  });
  assert.equal((await exited).error, 'it could not be started (spawn EAGAIN)');
});

test('a last word before its time, and the end of workers before the stop, are not believed', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts, clock } = world;
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  const host = hosts.of('a');
  host.say({ type: 'finished' });
  host.workerEnds(0);
  host.workerThrows(4711);
  assert.equal(coordinator.get('a').state, 'running');
  const stopped = coordinator.stop('a');
  clock.advance(5_000);
  host.exit();
  const [report] = (await stopped).groups;
  assert.deepEqual([report?.success, report?.killed], [false, [0, 1]]);
});
