import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { deferred } from '#dist/deferred.js';
import { Reloader } from '#dist/groups-file/reloader.js';
import { bringUp, code, fakeCoordinator, obeyed, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';
import { MemoryStore } from '../support/memory-store.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Two groups that are kept, of which `ran` runs. */
async function bench() {
  const store = new MemoryStore();
  const world = fakeCoordinator({ store });
  for (const name of ['ran', 'rested']) await world.coordinator.register(spec(name));
  await bringUp(world, 'ran');
  /** Holds up writes until the function that is returned is called. */
  const hold = () => {
    const gate = deferred<void>();
    store.gate = gate.promise;
    return () => {
      store.gate = undefined;
      gate.resolve();
    };
  };
  const desired = (name: string) => [world.coordinator.get(name).desired, store.kept.get(name)?.desired];
  return { ...world, world, store, hold, desired };
}

type Bench = Awaited<ReturnType<typeof bench>>;

const CALLS: Record<string, (bench: Bench) => Promise<unknown>> = {
  start: ({ coordinator }) => coordinator.start('rested'),
  restart: ({ coordinator }) => coordinator.restart('rested'),
  'restart of what runs': ({ coordinator }) => coordinator.restart('ran'),
  'replacement of what runs': ({ coordinator }) => coordinator.replace(spec('ran', { nice: 1 })),
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name}: when the service closes while it is written, it is kept, and beaten rather than refused`, async () => {
    const it = await bench();
    const release = it.hold();
    const called = call(it);
    const refused = assert.rejects(called, code('superseded'));
    await settle();
    const closed = it.coordinator.close();
    await settle();
    release();
    await obeyed(it.world, closed);
    await refused;
    const group = name.includes('runs') ? 'ran' : 'rested';
    assert.deepEqual(it.desired(group), ['running', 'running']);
    assert.deepEqual(it.store.kept.get(group)?.spec, it.coordinator.get(group).spec);
    assert.equal(it.hosts.alive().length, 0);
  });
}

test('a start of all that is written while the service closes tells of each group that it was beaten', async () => {
  const it = await bench();
  const release = it.hold();
  const started = it.coordinator.startAll({});
  await settle();
  const closed = it.coordinator.close();
  release();
  await obeyed(it.world, closed);
  assert.deepEqual(
    (await started).map(({ group, problem }) => [group.name, problem?.code]),
    [
      ['ran', 'superseded'],
      ['rested', 'superseded'],
    ],
  );
  assert.deepEqual(it.desired('rested'), ['running', 'running']);
});

test('once the service closes no command is taken, and what is kept stays as it was', async () => {
  const it = await bench();
  const { coordinator } = it;
  const closed = coordinator.close();
  const commands = {
    register: () => coordinator.register(spec('new')),
    replace: () => coordinator.replace(spec('rested', { nice: 1 })),
    patch: () => coordinator.patch('rested', { nice: 1 }),
    remove: () => coordinator.remove('rested'),
    start: () => coordinator.start('rested'),
    startAll: () => coordinator.startAll({}),
    stop: () => coordinator.stop('ran'),
    stopAll: () => coordinator.stopAll({}),
    restart: () => coordinator.restart('ran'),
  };
  const { writes } = it.store;
  const before = writes.length;
  for (const [name, command] of Object.entries(commands))
    await assert.rejects(command(), code('shutting_down'), name);
  assert.equal(writes.length, before);
  await obeyed(it.world, closed);
  assert.deepEqual(
    [it.desired('ran'), it.desired('rested')],
    [
      ['running', 'running'],
      ['stopped', 'stopped'],
    ],
  );
});

test('a reload that removes groups while the service closes writes nothing after its end', async (t) => {
  const store = new MemoryStore();
  const world = fakeCoordinator({ store });
  const { coordinator } = world;
  const file = join(temporaryDirectory(t), 'groups.json');
  const write = (groups: unknown[]) => writeFileSync(file, JSON.stringify({ groups }));
  const reloader = new Reloader({ file, coordinator });
  write([spec('first', { autostart: true }), spec('second', { autostart: true, after: ['first'] })]);
  await obeyed(world, reloader.reload());
  write([]);
  const reloaded = reloader.reload();
  while (!world.hosts.of('second').has('stop')) await settle();
  await obeyed(world, coordinator.close());
  const { length } = store.writes;
  const report = await reloaded;
  await settle();
  assert.equal(store.writes.length, length, 'the directory may be another service’s by now');
  const told = report.groups.map(({ name, success, reason }) => [
    name,
    success,
    /shutting down/.test(reason ?? ''),
  ]);
  assert.deepEqual(told.sort(), [
    ['first', false, true],
    ['second', true, false],
  ]);
  assert.deepEqual([...store.kept.keys()], ['first']);
});
