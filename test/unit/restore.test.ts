import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Coordinator } from '#dist/coordinator/coordinator.js';
import { ProblemError } from '#dist/errors.js';
import type { GroupSpec } from '#dist/schemas/group-spec.js';
import {
  bringUp,
  code,
  comesUp,
  fakeCoordinator,
  restart,
  spec,
  type World,
} from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';
import { registrations } from '../support/kept-service.js';
import { MemoryStore } from '../support/memory-store.js';

/** A service that starts on what the store has; its groups are not resumed yet. */
function serviceOn(store: MemoryStore, options: { maxWorkers?: number } = {}): World {
  const world = fakeCoordinator({ store, ...options });
  world.coordinator.restore(store.get());
  return world;
}

const states = ({ coordinator }: World) =>
  Object.fromEntries(coordinator.list().map(({ name, state }) => [name, state]));

/** The service as it is killed while these groups run. */
async function killedWhileRunning(...specs: GroupSpec[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  const world = serviceOn(store);
  for (const each of specs) {
    await world.coordinator.register(each);
    await bringUp(world, each.name);
  }
  return store;
}

test('groups come back with ids, order and desired state; those that ran start again', async () => {
  const store = new MemoryStore();
  const before = serviceOn(store);
  for (const name of ['z', 'gone', 'm', 'a']) await before.coordinator.register(spec(name));
  await before.coordinator.remove('gone');
  await bringUp(before, 'm');
  await bringUp(before, 'a');
  void before.coordinator.stop('a');
  await settle();

  const after = serviceOn(store);
  assert.deepEqual(
    after.coordinator.list().map(({ name, workerIds, desired, state }) => [name, workerIds, desired, state]),
    [
      ['z', [0, 1], 'stopped', 'registered'],
      ['m', [4, 5], 'running', 'registered'],
      ['a', [6, 7], 'stopped', 'registered'],
    ],
  );
  const resumed = after.coordinator.resume();
  await comesUp(after, 'm');
  await resumed;
  assert.deepEqual(states(after), { z: 'registered', m: 'running', a: 'registered' });
  assert.deepEqual(after.hosts.of('m').launch?.group.workerIds, [4, 5]);
});

test('groups start in the order of after and of registration, one after the other', async () => {
  const store = await killedWhileRunning(spec('base'), spec('x'), spec('y'));
  await serviceOn(store).coordinator.patch('base', { after: ['y'] });
  const world = serviceOn(store);
  const resumed = world.coordinator.resume();
  for (const name of ['x', 'y', 'base']) {
    await settle();
    assert.deepEqual(world.hosts.alive().at(-1)?.group, name);
    await comesUp(world, name);
  }
  await resumed;
  assert.deepEqual(states(world), { base: 'running', x: 'running', y: 'running' });
});

test('one that cannot start hurts no other, and says why', async () => {
  const store = await killedWhileRunning(
    spec('broken'),
    spec('fine'),
    spec('dependent', { after: ['broken'] }),
    spec('large', { workers: 8 }),
  );
  const world = serviceOn(store, { maxWorkers: 8 });
  const resumed = world.coordinator.resume();
  await settle();
  world.hosts.of('broken').initFails('no such disk');
  world.hosts.of('broken').exit({ code: 0, signal: null });
  await comesUp(world, 'fine');
  await resumed;
  assert.deepEqual(states(world), {
    broken: 'failed',
    fine: 'running',
    dependent: 'failed',
    large: 'failed',
  });
  const reason = (name: string) => world.coordinator.get(name).reason ?? '';
  assert.match(reason('broken'), /no such disk/);
  assert.match(reason('dependent'), /starts after "broken", whose state is "failed"/);
  assert.match(reason('large'), /PW_MAX_WORKERS/);
  for (const group of world.coordinator.list())
    assert.equal(group.desired, 'running', 'is tried again next time');
});

test('a module that is gone does not drop its group', async () => {
  const store = await killedWhileRunning(spec('a'), spec('b'));
  const { clock, hosts } = fakeCoordinator();
  const coordinator = new Coordinator({
    clock,
    feedSocket: (group) => `/feed/${group}.sock`,
    createHost: hosts.create,
    resolveModule: async () => {
      throw new ProblemError('module_not_found', 'it is not there');
    },
    random: () => 0,
    maxWorkers: 64,
    maxGroups: 256,
    store,
    onListenerError: assert.ifError,
  });
  coordinator.restore(store.get());
  const resumed = coordinator.resume();
  for (let i = 0; i < 2; i++) {
    await settle();
    for (const host of hosts.alive()) host.exit();
  }
  await resumed;
  assert.deepEqual(
    coordinator.list().map(({ state, reason }) => [state, reason]),
    [
      ['failed', 'it is not there'],
      ['failed', 'it is not there'],
    ],
  );
});

test('a group that takes its time does not hold up the others, and one after another in backoff waits for it', async () => {
  const rules = restart({
    policy: 'on-failure',
    backoff: { initialSeconds: 20, factor: 2, maxSeconds: 60, jitter: 0 },
  });
  const store = await killedWhileRunning(
    spec('slow'),
    spec('shaky', { restart: rules }),
    spec('later', { after: ['shaky'] }),
  );
  const world = serviceOn(store);
  const resumed = world.coordinator.resume();
  await settle();
  assert.deepEqual(states(world), { slow: 'starting', shaky: 'registered', later: 'registered' });
  world.clock.advance(5_000);
  await settle();
  assert.equal(states(world)['shaky'], 'starting');
  world.hosts.of('shaky').initFails();
  world.hosts.of('shaky').exit({ code: 0, signal: null });
  await settle();
  assert.deepEqual(states(world), { slow: 'starting', shaky: 'backoff', later: 'registered' });
  world.clock.advance(20_000);
  await comesUp(world, 'shaky');
  await comesUp(world, 'later');
  await comesUp(world, 'slow');
  await resumed;
  assert.deepEqual(states(world), { slow: 'running', shaky: 'running', later: 'running' });
});

test('a stop before its turn beats the start of a group, and so does the end of the service', async () => {
  const store = await killedWhileRunning(spec('a'), spec('b'), spec('c'));
  const world = serviceOn(store);
  const resumed = world.coordinator.resume();
  await world.coordinator.stop('b');
  await comesUp(world, 'a');
  assert.deepEqual(states(world), { a: 'running', b: 'registered', c: 'starting' });
  const closed = world.coordinator.close();
  await settle();
  for (const host of world.hosts.alive()) host.finish();
  await Promise.all([closed, resumed]);
  assert.deepEqual(
    store.get().registrations.map(({ spec, desired }) => [spec.name, desired]),
    [
      ['a', 'running'],
      ['b', 'stopped'],
      ['c', 'running'],
    ],
    'the end of the service is no stop',
  );
});

test('once the service is on its way out nothing is resumed, and nothing has failed', async () => {
  const store = await killedWhileRunning(spec('a', { critical: true }));
  const world = serviceOn(store);
  const failures: string[] = [];
  world.coordinator.events.on('criticalFailure', ({ reason }) => failures.push(reason));
  await world.coordinator.close();
  await world.coordinator.resume();
  assert.deepEqual([states(world), failures], [{ a: 'registered' }, []]);
  assert.deepEqual(world.hosts.all, []);
});

test('a completed group comes back as such, does not run again, and those after it may start', async () => {
  const store = await killedWhileRunning(spec('a'));
  const before = serviceOn(store);
  const first = before.coordinator.resume();
  const host = await comesUp(before, 'a');
  await first;
  for (const id of host.workerIds) host.workerCompletes(id);
  host.finish();
  await settle();
  await before.coordinator.register(spec('b', { after: ['a'] }));

  const after = serviceOn(store);
  await after.coordinator.resume();
  assert.deepEqual(states(after), { a: 'completed', b: 'registered' });
  await bringUp(after, 'b');
  await bringUp(after, 'a');
  const again = serviceOn(store);
  assert.deepEqual(
    states(again),
    { a: 'registered', b: 'registered' },
    'a start makes it a group that should run',
  );
});

test('other groups that are to start with the service do so', async () => {
  const store = new MemoryStore();
  await serviceOn(store).coordinator.register(spec('a'));
  const world = serviceOn(store);
  const resumed = world.coordinator.resume(({ name }) => name === 'a');
  await comesUp(world, 'a');
  await resumed;
  assert.equal(store.get().registrations[0]?.desired, 'running');
});

test('a group that was rolled back does not come back running', async () => {
  const store = new MemoryStore();
  const world = serviceOn(store);
  for (const name of ['a', 'b']) await world.coordinator.register(spec(name));
  const started = world.coordinator.startAll({});
  await settle();
  world.hosts.of('a').initialised();
  await settle();
  world.hosts.of('b').initFails();
  await settle();
  for (const host of world.hosts.alive()) host.finish();
  await started;
  const desired = store.get().registrations.map(({ desired }) => desired);
  assert.deepEqual(desired, ['stopped', 'running']);
});

test('a start is accepted when it is kept, and not before', async () => {
  const store = new MemoryStore();
  const { coordinator } = serviceOn(store);
  await coordinator.register(spec('a'));
  let keptThen: string | undefined;
  void coordinator.start('a', () => {
    keptThen = store.kept.get('a')?.desired;
  });
  assert.equal(coordinator.get('a').desired, 'stopped');
  await settle();
  assert.equal(keptThen, 'running');
});

test('a stop of many writes them together, and what is so already is not in the way', async () => {
  const store = await killedWhileRunning(spec('a'), spec('b'), spec('c'));
  const world = serviceOn(store);
  store.failure = new Error('ENOSPC');
  await assert.rejects(world.coordinator.stopAll({}), code('storage_failed'));
  assert.deepEqual([...new Set(world.coordinator.list().map(({ desired }) => desired))], ['running']);
  store.failure = undefined;
  store.writes.length = 0;
  await world.coordinator.stopAll({});
  assert.deepEqual(store.writes, [['a', 'b', 'c']]);
});

const NAMES = ['a', 'b', 'c'] as const;
const step = fc.record({
  verb: fc.constantFrom(
    'register',
    'replace',
    'patch',
    'scale',
    'remove',
    'start',
    'stop',
    'restart',
    'startAll',
    'stopAll',
  ),
  name: fc.constantFrom(...NAMES),
  value: fc.integer({ min: 1, max: 4 }),
  /** What comes next: the next step at once, or after this one, or the death of the service. */
  next: fc.constantFrom('go on', 'go on', 'wait', 'wait', 'die'),
  full: fc.boolean(),
});

test('random commands, full disks and deaths: what was acknowledged is there, and ids are never used again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
      const store = new MemoryStore();
      let world = serviceOn(store);
      const owners = new Map<number, object>();
      const retired = new Set<number>();
      for (const { verb, name, value, next, full } of steps) {
        store.failure = full && value === 4 ? new Error('ENOSPC') : undefined;
        const { coordinator } = world;
        const commands: Record<typeof verb, () => Promise<unknown>> = {
          register: () => coordinator.register(spec(name, { workers: value })),
          replace: () => coordinator.replace(spec(name, { workers: value, nice: value })),
          patch: () => coordinator.patch(name, { params: value }),
          scale: () => coordinator.patch(name, { workers: value }),
          remove: () => coordinator.remove(name),
          start: () => coordinator.start(name),
          stop: () => coordinator.stop(name),
          restart: () => coordinator.restart(name),
          startAll: () => coordinator.startAll({}),
          stopAll: () => coordinator.stopAll({}),
        };
        commands[verb]().catch((error: unknown) => assert.ok(error instanceof ProblemError, String(error)));
        if (next === 'go on') continue;
        for (let round = 0; round < 6; round++) {
          await settle();
          for (const host of world.hosts.alive()) host.obeys();
        }
        for (const group of world.coordinator.list()) {
          for (const id of group.plannedIds) {
            assert.ok(!retired.has(id), `worker ${id} was gone`);
            assert.equal(owners.get(id) ?? group, group, `worker ${id} has two groups`);
            owners.set(id, group);
          }
        }
        // What memory has is what was acknowledged, or is about to be: all of it is kept by now.
        if (store.failure === undefined) {
          const present = registrations(world);
          const reborn = serviceOn(store);
          assert.deepEqual(registrations(reborn), present);
          if (next === 'die') {
            const alive = new Set(reborn.coordinator.list().flatMap(({ plannedIds }) => plannedIds));
            for (const id of owners.keys()) if (!alive.has(id)) retired.add(id);
            owners.clear();
            world = reborn;
          }
        }
      }
    }),
    { numRuns: 300, includeErrorInReport: true },
  );
});
