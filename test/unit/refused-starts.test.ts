import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProblemError } from '#dist/errors.js';
import { bringUp, fakeCoordinator, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';
import { MemoryStore } from '../support/memory-store.js';

const BOUND = { timeout: 30_000 };

function code(expected: string) {
  return (error: unknown) => error instanceof ProblemError && error.code === expected;
}

test(
  'of two starts of which one fits, the other is refused and changes nothing, on disk neither',
  BOUND,
  async () => {
    const store = new MemoryStore();
    const world = fakeCoordinator({ maxWorkers: 2, store });
    const { coordinator } = world;
    for (const name of ['a', 'b']) await coordinator.register(spec(name));
    // Both find room before either wish is written.
    const first = coordinator.start('a');
    const second = coordinator.start('b');
    await assert.rejects(second, code('worker_cap_reached'));
    const [a, b] = [coordinator.get('a'), coordinator.get('b')];
    assert.deepEqual([b.state, b.desired, b.reason], ['registered', 'stopped', null]);
    assert.equal(store.kept.get('b')?.desired, 'stopped');
    assert.deepEqual([a.state, a.desired, store.kept.get('a')?.desired], ['starting', 'running', 'running']);
    const gone = assert.rejects(first);
    world.hosts.of('a').exit();
    await gone;
  },
);

test('what was running and is refused another start is still to run', BOUND, async () => {
  const world = fakeCoordinator({ maxWorkers: 2 });
  const { coordinator, hosts } = world;
  for (const name of ['a', 'b']) await coordinator.register(spec(name));
  await bringUp(world, 'a');
  hosts.of('a').exit();
  await settle();
  assert.equal(coordinator.get('a').state, 'failed');
  await bringUp(world, 'b');
  await assert.rejects(coordinator.start('a'), code('worker_cap_reached'));
  assert.deepEqual([coordinator.get('a').state, coordinator.get('a').desired], ['failed', 'running']);
});

test(
  'a restart whose start is refused when it has stopped leaves a group that has failed, and says why',
  BOUND,
  async () => {
    const world = fakeCoordinator();
    const { coordinator, hosts } = world;
    await coordinator.register(spec('d'));
    await coordinator.register(spec('a', { after: ['d'], critical: true }));
    await bringUp(world, 'd');
    await bringUp(world, 'a');
    const critical: string[] = [];
    coordinator.events.on('criticalFailure', ({ reason }) => critical.push(reason));

    const refused = assert.rejects(coordinator.restart('a'), code('dependency_not_running'));
    const removed = coordinator.remove('d');
    await settle();
    hosts.of('a').finish();
    await settle();
    hosts.of('d').finish();
    await removed;
    await refused;
    const { state, desired, reason, record } = coordinator.get('a');
    assert.deepEqual([state, desired], ['failed', 'running']);
    assert.match(String(reason), /"d"/);
    assert.deepEqual(
      record.failures.map((failure) => [failure.kind, failure.reason]),
      [['start', reason]],
    );
    assert.deepEqual(critical, [reason]);
  },
);

test('a group that is being removed is not started, restarted or wanted any more', BOUND, async () => {
  const world = fakeCoordinator({ store: new MemoryStore() });
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  const removed = coordinator.remove('a');
  await settle();
  const wishes: string[] = [];
  coordinator.events.on('desired', ({ desired }) => wishes.push(desired));
  let begun = false;
  const begins = () => {
    begun = true;
  };
  await assert.rejects(coordinator.start('a', begins), code('superseded'));
  await assert.rejects(coordinator.restart('a', begins), code('superseded'));
  assert.deepEqual([begun, wishes, coordinator.get('a').desired], [false, [], 'stopped']);
  hosts.of('a').finish();
  await removed;
});

test(
  'a start that the end of the service beats is told to come when the service starts again',
  BOUND,
  async () => {
    const store = new MemoryStore();
    const world = fakeCoordinator({ store });
    const { coordinator, hosts } = world;
    await coordinator.register(spec('a'));
    const started = coordinator.start('a');
    await settle();
    const closed = coordinator.close();
    await settle();
    hosts.of('a').exit();
    await assert.rejects(
      started,
      (error) =>
        code('superseded')(error) && /will when the service starts again/.test((error as Error).message),
    );
    await closed;
    assert.equal(store.kept.get('a')?.desired, 'running');
  },
);

test('a restart of what is at rest, which is refused, changes nothing', BOUND, async () => {
  const store = new MemoryStore();
  const world = fakeCoordinator({ maxWorkers: 2, store });
  const { coordinator } = world;
  for (const name of ['a', 'b']) await coordinator.register(spec(name));
  await bringUp(world, 'a');
  await assert.rejects(coordinator.restart('b'), code('worker_cap_reached'));
  const { state, desired, reason } = coordinator.get('b');
  assert.deepEqual(
    [state, desired, reason, store.kept.get('b')?.desired],
    ['registered', 'stopped', null, 'stopped'],
  );
});
