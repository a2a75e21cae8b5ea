import assert from 'node:assert/strict';
import test from 'node:test';
import { feedStatus } from '#dist/api/group-status.js';
import { ProblemError } from '#dist/errors.js';
import { bringUp, fakeCoordinator, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';

async function three() {
  const world = fakeCoordinator();
  for (const name of ['a', 'b', 'c']) await world.coordinator.register(spec(name));
  return { ...world, host: (name: string) => world.hosts.of(name) };
}

function code(expected: string) {
  return (error: unknown) => error instanceof ProblemError && error.code === expected;
}

test('inits run one after the other in order of registration, and no loop before the last returned', async () => {
  const { coordinator, hosts, host } = await three();
  const started = coordinator.startAll({});
  await settle();
  const begun = () => hosts.all.filter((one) => one.has('init')).map((one) => one.group);
  const looping = () => hosts.all.filter((one) => one.has('run')).map((one) => one.group);

  assert.deepEqual(begun(), ['a']);
  host('a').initialised();
  await settle();
  assert.deepEqual(begun(), ['a', 'b']);
  host('b').initialised();
  await settle();
  assert.deepEqual(begun(), ['a', 'b', 'c']);
  assert.deepEqual(looping(), []);
  host('c').initialised();
  await settle();
  assert.deepEqual(looping(), ['a', 'b', 'c']);

  for (const name of ['a', 'b', 'c']) host(name).running();
  assert.deepEqual(
    (await started).map(({ problem }) => problem),
    [undefined, undefined, undefined],
  );
});

test('when an init fails nothing of that start runs, and those already initialised are ended in order', async () => {
  const { coordinator, hosts, host } = await three();
  const started = coordinator.startAll({});
  await settle();
  host('a').initialised();
  await settle();
  host('b').initFails('no data');
  await settle();
  assert.deepEqual(
    host('a').asked,
    ['init', 'stop'],
    'a is asked to stop, so that its shutdown and cleanup run',
  );
  assert.deepEqual(host('c').asked, ['kill'], 'c has run no user code: there is nobody to ask');
  host('a').finish();
  host('b').finish();
  host('c').exit();
  const [a, b, c] = await started;
  assert.equal(a?.problem?.code, 'start_rolled_back');
  assert.match(a?.problem?.message ?? '', /group "b" failed to start: .*no data/);
  assert.equal(b?.problem?.code, 'init_failed');
  assert.equal(c?.problem?.code, 'start_rolled_back');
  assert.deepEqual(
    coordinator.list().map(({ state }) => state),
    ['stopped', 'failed', 'stopped'],
  );
  assert.equal(hosts.alive().length, 0);
});

test('a group tells the socket of its feed while takers can connect to it, and only then', async () => {
  const { coordinator, hosts } = fakeCoordinator();
  const feed = { capacity: 1, maxBytes: 1, ordered: false };
  const { group } = await coordinator.register(spec('a', { feed }));
  const socket = () => feedStatus(group)?.socket;
  const started = coordinator.start('a');
  await settle();
  const host = hosts.of('a');
  assert.ok(host.has('init'));
  assert.equal(socket(), null, 'its host was told where to listen, and does not yet');
  host.say({ type: 'serving' });
  assert.equal(socket(), '/feed/a.sock', 'takers may come while init runs');
  host.initialised();
  await settle();
  host.running();
  await started;
  assert.equal(socket(), '/feed/a.sock');
  const stopped = coordinator.stop('a');
  host.finish();
  await stopped;
  assert.equal(socket(), null);
});

test('a later stop beats a start in each of its phases', async (t) => {
  const phases = { 'before init returned': [], 'before the workers run': ['initialised'] } as const;
  for (const [phase, steps] of Object.entries(phases)) {
    await t.test(phase, async () => {
      const { coordinator, host } = await three();
      const started = coordinator.start('a');
      await settle();
      for (const step of steps) host('a')[step]();
      await settle();
      const stopped = coordinator.stop('a');
      assert.equal(coordinator.get('a').state, 'stopping');
      host('a').finish();
      await assert.rejects(started, code('superseded'));
      assert.equal((await stopped).success, true);
      assert.equal(coordinator.get('a').state, 'stopped');
      assert.equal(coordinator.get('a').desired, 'stopped');
    });
  }
});

test('a stop of one group leaves the others of the same start alone', async () => {
  const { coordinator, host } = await three();
  const started = coordinator.startAll({});
  await settle();
  void coordinator.stop('a');
  host('a').finish();
  await settle();
  for (const name of ['b', 'c']) {
    host(name).initialised();
    await settle();
  }
  for (const name of ['b', 'c']) host(name).running();
  const outcomes = await started;
  assert.deepEqual(
    outcomes.map(({ problem }) => problem?.code),
    ['superseded', undefined, undefined],
  );
});

test('a start during a stop waits for the death of the old workers', async () => {
  const world = await three();
  const { coordinator, hosts, host } = world;
  await bringUp(world, 'a');
  void coordinator.stop('a');
  const again = coordinator.start('a');
  await settle();
  assert.equal(hosts.all.length, 1, 'no second host while the first lives');
  host('a').finish();
  await settle();
  assert.equal(hosts.all.length, 2);
  host('a').initialised();
  await settle();
  host('a').running();
  await again;
  assert.equal(coordinator.get('a').state, 'running');
});

test('a stop after a start that waits for a stop: the group stays down', async () => {
  const world = await three();
  const { coordinator, hosts, host } = world;
  await bringUp(world, 'a');
  void coordinator.stop('a');
  const again = coordinator.start('a');
  void coordinator.stop('a');
  host('a').finish();
  await assert.rejects(again, code('superseded'));
  assert.equal(hosts.all.length, 1);
  assert.equal(coordinator.get('a').state, 'stopped');
});

test('the start time-out covers init and setup together, but not the wait for other groups', async () => {
  const { coordinator, clock, host } = await three();
  const started = coordinator.startAll({});
  await settle();
  clock.advance(20_000);
  host('a').initialised();
  await settle();
  clock.advance(29_000);
  host('b').initialised();
  await settle();
  host('c').initialised();
  await settle();
  // a has used 20 of its 30 s, b 29.
  clock.advance(999);
  assert.equal(coordinator.get('b').state, 'starting');
  clock.advance(1);
  assert.equal(coordinator.get('b').state, 'stopping');
  assert.match(coordinator.get('b').reason ?? '', /did not start within 30 s: setup did not finish/);
  host('b').finish();
  clock.advance(8_999);
  assert.equal(coordinator.get('a').state, 'starting');
  clock.advance(1);
  assert.equal(coordinator.get('a').state, 'stopping');
  host('a').finish();
  host('c').running();
  const codes = (await started).map(({ problem }) => problem?.code);
  assert.deepEqual(codes, ['start_timeout', 'start_timeout', undefined]);
});

test('an init that does not return in time is killed at once', async () => {
  const { coordinator, clock, host } = await three();
  const started = coordinator.start('a');
  await settle();
  host('a').say({ type: 'hook', hook: 'init', state: 'started' });
  clock.advance(30_000);
  assert.deepEqual(host('a').asked, ['init', 'kill']);
  host('a').exit();
  await assert.rejects(started, code('start_timeout'));
  assert.match(coordinator.get('a').reason ?? '', /init did not finish/);
  assert.equal(coordinator.get('a').state, 'failed');
});

test('the cap on workers counts all groups and refuses a start as a whole', async () => {
  const world = fakeCoordinator({ maxWorkers: 5 });
  for (const name of ['a', 'b', 'c']) await world.coordinator.register(spec(name));
  await assert.rejects(world.coordinator.startAll({}), code('worker_cap_reached'));
  assert.equal(world.hosts.all.length, 0);
  const started = world.coordinator.start('a');
  await settle();
  world.hosts.of('a').initialised();
  await settle();
  world.hosts.of('a').running();
  await started;
  await assert.rejects(world.coordinator.startAll({}), /2 of 5 are in use/);
});

test('worker ids count up over all groups and are never used again', async () => {
  const { coordinator } = await three();
  assert.deepEqual(
    coordinator.list().flatMap((group) => group.workerIds),
    [0, 1, 2, 3, 4, 5],
  );
  await coordinator.remove('b');
  await coordinator.register(spec('b'));
  assert.deepEqual(coordinator.get('b').workerIds, [6, 7]);
  await coordinator.replace(spec('a', { workers: 3 }));
  assert.deepEqual(coordinator.get('a').workerIds, [0, 1, 8]);
  await coordinator.replace(spec('a', { workers: 1 }));
  await coordinator.replace(spec('a', { workers: 2 }));
  assert.deepEqual(coordinator.get('a').workerIds, [0, 9]);
});
