import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { findCycle, inSteps, type Ordered } from '#dist/coordinator/start-order.js';
import { ProblemError } from '#dist/errors.js';
import type { GroupSpec } from '#dist/schemas/group-spec.js';
import { bringUp, code, comesUp, fakeCoordinator, obeyed, restart, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';

const ON_FAILURE = restart({ policy: 'on-failure' });

const ordered = (name: string, ...after: string[]): Ordered => ({ name, after });
const names = (steps: Ordered[][]) => steps.map((step) => step.map(({ name }) => name));

// Pure.

test('without an order all groups are one step, in the order given', () => {
  assert.deepEqual(names(inSteps([ordered('c'), ordered('a'), ordered('b')])), [['c', 'a', 'b']]);
  assert.deepEqual(inSteps([]), []);
});

test('who comes after others is in a later step than all of them', () => {
  const groups = [ordered('d', 'b', 'c'), ordered('b', 'a'), ordered('a'), ordered('c'), ordered('e', 'd')];
  assert.deepEqual(names(inSteps(groups)), [['a', 'c'], ['b'], ['d'], ['e']]);
});

test('names that are not among the groups count for nothing', () => {
  assert.deepEqual(names(inSteps([ordered('b', 'elsewhere'), ordered('a')])), [['b', 'a']]);
});

test('a cycle that comes through all the same ends in one step, after those that are free of it', () => {
  const groups = [ordered('b', 'c'), ordered('a'), ordered('c', 'b'), ordered('d', 'c')];
  assert.deepEqual(names(inSteps(groups)), [['a'], ['b', 'c', 'd']]);
});

test('a cycle is told as the names along it, from the group back to itself', () => {
  const groups = [ordered('a', 'b'), ordered('b', 'x', 'c'), ordered('c', 'a'), ordered('x')];
  assert.deepEqual(findCycle(groups, 'a'), ['a', 'b', 'c', 'a']);
  assert.deepEqual(findCycle(groups, 'c'), ['c', 'a', 'b', 'c']);
  assert.deepEqual(findCycle([ordered('a', 'a')], 'a'), ['a', 'a']);
});

test('without a cycle through the group there is none to tell', () => {
  const groups = [
    ordered('a', 'b', 'c'),
    ordered('b', 'c'),
    ordered('c'),
    ordered('x', 'y'),
    ordered('y', 'x'),
  ];
  assert.equal(findCycle(groups, 'a'), undefined);
  assert.equal(
    findCycle([ordered('a', 'x'), ...groups.slice(3)], 'a'),
    undefined,
    'one that it only leads to',
  );
  assert.equal(findCycle([ordered('a', 'nobody')], 'a'), undefined);
  assert.equal(findCycle([], 'a'), undefined);
});

test('any groups in any order: every group once, none before those it comes after, and cycles are found', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
  const graph = fc.tuple(
    ...NAMES.map((name) =>
      fc.record({ name: fc.constant(name), after: fc.subarray(NAMES, { maxLength: 2 }) }),
    ),
  );
  fc.assert(
    fc.property(graph, (groups) => {
      const steps = inSteps(groups);
      assert.deepEqual(
        steps
          .flat()
          .map(({ name }) => name)
          .sort(),
        NAMES,
      );
      // Whom a group reaches along `after`, in one step or more.
      const reach = new Map(groups.map(({ name, after }) => [name, new Set(after)]));
      for (const middle of NAMES)
        for (const from of NAMES)
          if (reach.get(from)?.has(middle))
            for (const to of reach.get(middle) ?? []) reach.get(from)?.add(to);
      const stepOf = (name: string) => steps.findIndex((step) => step.some((group) => group.name === name));
      const cyclic = NAMES.filter((name) => reach.get(name)?.has(name));
      for (const { name, after } of groups) {
        const cycle = findCycle(groups, name);
        assert.equal(cycle !== undefined, cyclic.includes(name));
        cycle?.slice(1).forEach((next, i) => {
          assert.ok(groups.find((group) => group.name === cycle[i])?.after.includes(next));
        });
        const tangled = [name, ...(reach.get(name) ?? [])].some((one) => cyclic.includes(one));
        if (!tangled) for (const other of after) assert.ok(stepOf(other) < stepOf(name));
      }
    }),
    { numRuns: 2_000 },
  );
});

// Over the coordinator: `base` first, then `mid`, then `top`.

async function chain(changes: Partial<GroupSpec> = {}) {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('top', { after: ['mid'], ...changes }));
  await coordinator.register(spec('mid', { after: ['base'], ...changes }));
  await coordinator.register(spec('base', changes));
  const states = () => ['base', 'mid', 'top'].map((name) => coordinator.get(name).state);
  return { world, ...world, states, host: (name: string) => hosts.of(name) };
}

async function chainUp(changes: Partial<GroupSpec> = {}) {
  const up = await chain(changes);
  for (const name of ['base', 'mid', 'top']) await bringUp(up.world, name);
  return up;
}

test('a start of several goes step by step: no init before those that come first run', async () => {
  const { coordinator, hosts, host, states } = await chain();
  const started = coordinator.startAll({});
  const begun = () => hosts.all.filter((one) => one.has('init')).map((one) => one.group);
  await settle();
  assert.deepEqual(begun(), ['base']);
  host('base').initialised();
  await settle();
  host('base').workerLoops(coordinator.get('base').workerIds[0] ?? -1);
  await settle();
  assert.deepEqual(begun(), ['base'], 'initialised is not yet running');
  host('base').running();
  for (const name of ['mid', 'top']) {
    await settle();
    assert.deepEqual(begun(), name === 'mid' ? ['mid', 'base'] : ['top', 'mid', 'base']);
    host(name).initialised();
    await settle();
    host(name).running();
  }
  const outcomes = await started;
  assert.deepEqual(
    outcomes.map(({ problem }) => problem),
    [undefined, undefined, undefined],
  );
  assert.deepEqual(states(), ['running', 'running', 'running']);
});

test('in a start of several, who comes after one that fails at once does not start either', async () => {
  const { coordinator, host, states, clock } = await chain({ restart: ON_FAILURE });
  const started = coordinator.startAll({});
  await settle();
  host('base').initFails('no data');
  await settle();
  host('base').finish();
  for (const name of ['mid', 'top']) host(name).exit();
  const [top, mid, base] = await started;
  assert.equal(base?.problem?.code, 'init_failed');
  for (const outcome of [mid, top]) assert.equal(outcome?.problem?.code, 'start_rolled_back');
  assert.deepEqual(states(), ['failed', 'stopped', 'stopped']);
  assert.equal(clock.pending, 0);
});

test('in a start of several, who comes after one that fails in setup is refused, and ends', async () => {
  const { coordinator, host, states } = await chain();
  const started = coordinator.startAll({});
  await settle();
  host('base').initialised();
  await settle();
  host('base').workerFails('setup', coordinator.get('base').workerIds[0] ?? -1, 'no data');
  host('base').finish();
  await settle();
  host('mid').exit();
  await settle();
  host('top').exit();
  const [top, mid, base] = await started;
  assert.equal(base?.problem?.code, 'setup_failed');
  assert.equal(mid?.problem?.code, 'dependency_not_running');
  assert.match(mid?.problem?.message ?? '', /"mid" starts after "base", which did not start: .*no data/);
  assert.equal(top?.problem?.code, 'dependency_not_running');
  assert.deepEqual(states(), ['failed', 'stopped', 'stopped']);
});

test('a stop of several goes the other way: each is asked when those after it are dead', async () => {
  const { coordinator, host, states } = await chainUp();
  const hosts = { base: host('base'), mid: host('mid'), top: host('top') };
  const stopped = coordinator.stopAll({});
  const asked = () => Object.values(hosts).map((one) => one.has('stop'));
  await settle();
  assert.deepEqual(asked(), [false, false, true]);
  assert.deepEqual(states(), ['running', 'running', 'stopping']);
  hosts.top.finish();
  await settle();
  assert.deepEqual(asked(), [false, true, true]);
  hosts.mid.finish();
  await settle();
  assert.deepEqual(asked(), [true, true, true]);
  hosts.base.finish();
  const report = await stopped;
  assert.equal(report.success, true);
  assert.deepEqual(
    report.groups.map(({ name }) => name),
    ['top', 'mid', 'base'],
    'in order of registration',
  );
  assert.deepEqual(states(), ['stopped', 'stopped', 'stopped']);
});

test('when the service closes it stops in the same order, also past one that has to be killed', async () => {
  const { coordinator, clock, host, states } = await chainUp();
  const base = host('base');
  const closed = coordinator.close();
  await settle();
  clock.advance(5_000);
  assert.equal(base.has('stop'), false, 'killed is not dead');
  host('top').exit();
  await settle();
  host('mid').finish();
  await settle();
  base.finish();
  assert.equal((await closed).success, false);
  assert.deepEqual(states(), ['stopped', 'stopped', 'stopped']);
  assert.equal(clock.pending, 0);
});

test('a stop by name stops that group only, at once', async () => {
  const { coordinator, host, states } = await chainUp();
  const stopped = coordinator.stop('base');
  assert.ok(host('base').has('stop'));
  host('base').finish();
  assert.equal((await stopped).success, true);
  assert.deepEqual(states(), ['stopped', 'running', 'running']);
});

test('a group that waits for its turn in an ordered stop can be stopped by name meanwhile', async () => {
  const { coordinator, host, states } = await chainUp();
  const all = coordinator.stopAll({});
  await settle();
  const stopped = coordinator.stop('base');
  host('base').finish();
  assert.equal((await stopped).success, true);
  for (const name of ['top', 'mid']) {
    await settle();
    host(name).finish();
  }
  assert.equal((await all).success, true);
  assert.deepEqual(states(), ['stopped', 'stopped', 'stopped']);
});

test('an order that goes in a circle is refused, by POST, PUT and PATCH, and changes nothing', async () => {
  const { coordinator } = await chain();
  const refused = (error: unknown) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.code, 'invalid_request');
    assert.deepEqual(
      error.errors?.map(({ pointer }) => pointer),
      ['/after'],
    );
    assert.match(error.message, /base after top after mid after base/);
    return true;
  };
  await assert.rejects(coordinator.replace(spec('base', { after: ['top'] })), refused);
  await assert.rejects(coordinator.patch('base', { after: ['top'] }), refused);
  await assert.rejects(coordinator.register(spec('own', { after: ['own'] })), code('invalid_request'));
  await coordinator.register(spec('first', { after: ['last'] }));
  await assert.rejects(coordinator.register(spec('last', { after: ['first'] })), code('invalid_request'));
  assert.deepEqual(coordinator.get('base').spec.after, []);
  assert.deepEqual(
    coordinator.list().map(({ name }) => name),
    ['top', 'mid', 'base', 'first'],
  );
});

test('a group whose other is missing or stopped is refused before anything starts', async () => {
  const { coordinator, hosts } = await chain();
  await coordinator.register(spec('alone', { after: ['nobody'] }));
  await assert.rejects(
    coordinator.start('alone'),
    (error) => code('dependency_not_running')(error) && /there is no such group/.test(String(error)),
  );
  await assert.rejects(
    coordinator.start('mid'),
    (error) => code('dependency_not_running')(error) && /whose state is "registered"/.test(String(error)),
  );
  await assert.rejects(coordinator.startAll({}), code('dependency_not_running'), 'as a whole');
  assert.equal(hosts.all.length, 0);
  assert.deepEqual(
    coordinator.list().map(({ state, desired }) => [state, desired]),
    new Array(4).fill(['registered', 'stopped']),
  );
});

test('a group whose other waits for its next try, stops or has failed is refused', async () => {
  for (const state of ['backoff', 'stopping', 'failed'] as const) {
    const { world, coordinator, host } = await chain(state === 'backoff' ? { restart: ON_FAILURE } : {});
    await bringUp(world, 'base');
    if (state === 'stopping') void coordinator.stop('base');
    else host('base').exit();
    assert.equal(coordinator.get('base').state, state);
    await assert.rejects(coordinator.start('mid'), code('dependency_not_running'));
    assert.equal(world.hosts.alive('mid').length, 0);
  }
});

test('a start waits for one that is starting', async () => {
  const { world, coordinator, hosts, host, states } = await chain();
  const base = coordinator.start('base');
  await settle();
  const mid = coordinator.start('mid');
  await settle();
  assert.equal(hosts.alive('mid').length, 0);
  assert.equal(coordinator.get('mid').desired, 'running');
  host('base').initialised();
  await settle();
  host('base').running();
  await base;
  await comesUp(world, 'mid');
  await mid;
  assert.deepEqual(states(), ['running', 'running', 'registered']);
});

test('a start that waits for one that then fails is refused', async () => {
  const { coordinator, hosts, host } = await chain();
  const base = coordinator.start('base');
  await settle();
  const mid = coordinator.start('mid');
  await settle();
  host('base').initFails();
  host('base').finish();
  await assert.rejects(base, code('init_failed'));
  await assert.rejects(mid, code('dependency_not_running'));
  assert.equal(hosts.alive('mid').length, 0);
});

test('a stop of a group whose start waits for another beats that start', async () => {
  const { coordinator, hosts, host } = await chain();
  const base = coordinator.start('base');
  await settle();
  const mid = assert.rejects(coordinator.start('mid'), code('superseded'));
  await settle();
  assert.equal((await coordinator.stop('mid')).success, true);
  // It is answered at once, and not when the other has come.
  await mid;
  host('base').initialised();
  await settle();
  host('base').running();
  await base;
  assert.equal(hosts.all.length, 1);
  assert.equal(coordinator.get('mid').desired, 'stopped');
});

test('one that has completed counts as run', async () => {
  const { world, coordinator, host, states } = await chain();
  await bringUp(world, 'base');
  for (const id of coordinator.get('base').workerIds) host('base').workerCompletes(id);
  host('base').finish();
  assert.equal(coordinator.get('base').state, 'completed');
  await bringUp(world, 'mid');
  assert.deepEqual(states(), ['completed', 'running', 'registered']);
});

test('in a start of several one that has finished in no time does not hold up those after it', async () => {
  const { world, coordinator, host, states } = await chain();
  const started = coordinator.startAll({});
  await settle();
  host('base').initialised();
  await settle();
  host('base').running();
  for (const id of coordinator.get('base').workerIds) host('base').workerCompletes(id);
  host('base').finish();
  await comesUp(world, 'mid');
  await comesUp(world, 'top');
  await started;
  assert.deepEqual(states(), ['completed', 'running', 'running']);
});

test('what runs already is not stopped when one that it comes after fails', async () => {
  const { host, states } = await chainUp();
  host('base').exit();
  assert.deepEqual(states(), ['failed', 'running', 'running']);
});

test('a restart by the policy waits for one that is waiting for its own next try', async () => {
  const slow = { ...ON_FAILURE, backoff: { ...ON_FAILURE.backoff, initialSeconds: 3 } };
  const { world, coordinator, clock, hosts, host, states } = await chain({ restart: ON_FAILURE });
  await coordinator.patch('base', { restart: slow });
  await bringUp(world, 'base');
  await bringUp(world, 'mid');
  for (const name of ['base', 'mid']) host(name).exit();
  assert.deepEqual(states(), ['backoff', 'backoff', 'registered']);
  clock.advance(1_000);
  await settle();
  assert.equal(hosts.alive('mid').length, 0, 'its own wait is over');
  assert.equal(coordinator.get('mid').state, 'backoff');
  clock.advance(2_000);
  await settle();
  assert.equal(coordinator.get('base').state, 'starting');
  assert.equal(hosts.alive('mid').length, 0);
  await comesUp(world, 'base');
  await comesUp(world, 'mid');
  assert.deepEqual(states(), ['running', 'running', 'registered']);
});

test('a restart by the policy that waits for another can be stopped, and leaves nothing over', async () => {
  const slow = { ...ON_FAILURE, backoff: { ...ON_FAILURE.backoff, initialSeconds: 3 } };
  const { world, coordinator, clock, hosts, host } = await chain({ restart: ON_FAILURE });
  await coordinator.patch('base', { restart: slow });
  await bringUp(world, 'base');
  await bringUp(world, 'mid');
  for (const name of ['base', 'mid']) host(name).exit();
  clock.advance(1_000);
  await settle();
  assert.equal((await coordinator.stop('mid')).success, true);
  assert.equal(coordinator.get('mid').state, 'stopped');
  clock.advance(2_000);
  await comesUp(world, 'base');
  assert.equal(coordinator.get('base').state, 'running');
  assert.equal(hosts.all.length, 3, 'two at first, and the new one of base');
  await Promise.all([coordinator.stopAll({}), settle().then(() => host('base').finish())]);
  assert.equal(clock.pending, 0);
});

test('a start during an ordered stop waits for the end, and then starts', async () => {
  const { world, coordinator, hosts, host, states } = await chainUp();
  const old = host('base');
  const stopped = coordinator.stopAll({});
  await settle();
  const started = coordinator.start('base');
  await settle();
  assert.equal(old.has('stop'), false, 'it still waits for its turn');
  assert.equal(hosts.all.length, 3);
  for (const name of ['top', 'mid']) {
    host(name).finish();
    await settle();
  }
  assert.ok(old.has('stop'), 'the stop goes on, although a start has come');
  old.finish();
  assert.equal((await stopped).success, true);
  await comesUp(world, 'base');
  await started;
  assert.deepEqual(states(), ['running', 'stopped', 'stopped']);
  assert.equal(coordinator.get('base').desired, 'running');
  assert.equal(hosts.all.length, 4);
});

test('a group that dies while it waits for its turn in an ordered stop is not tried again', async () => {
  const { coordinator, clock, host, states } = await chainUp({ restart: ON_FAILURE });
  const stopped = coordinator.stopAll({});
  await settle();
  host('base').exit();
  for (const name of ['top', 'mid']) {
    await settle();
    host(name).finish();
  }
  await stopped;
  assert.deepEqual(states(), ['failed', 'stopped', 'stopped']);
  assert.equal(clock.pending, 0);
});

test('groups that have nothing to do with each other stop at the same time', async () => {
  const { world, coordinator, host } = await chainUp();
  await coordinator.register(spec('other'));
  await bringUp(world, 'other');
  void coordinator.stopAll({});
  await settle();
  assert.ok(host('other').has('stop'));
});

test('a start of one whose other is about to stop in an ordered stop does not run without it', async () => {
  const { world, coordinator, hosts, host, states } = await chain();
  for (const name of ['base', 'mid']) await bringUp(world, name);
  const stopped = coordinator.stopAll({});
  await settle();
  const started = coordinator.start('mid').catch(() => {});
  await settle();
  host('mid').finish();
  await settle();
  host('base').finish();
  await stopped;
  await settle();
  if (hosts.alive('mid').length > 0) await comesUp(world, 'mid');
  await started;
  assert.notDeepEqual(states(), ['stopped', 'running', 'registered']);
});

test('a restart or a PUT that is refused for want of its other leaves the group running', async () => {
  for (const how of ['restart', 'replace'] as const) {
    const { coordinator, hosts, host, states } = await chainUp();
    const stopped = coordinator.stop('base');
    host('base').finish();
    await stopped;
    const refused =
      how === 'restart'
        ? coordinator.restart('mid')
        : coordinator.replace(spec('mid', { after: ['base'], params: { v: 2 } }));
    const rejected = assert.rejects(refused, code('dependency_not_running'));
    await settle();
    for (const one of hosts.alive('mid')) if (one.has('stop')) one.finish();
    await rejected;
    assert.deepEqual(states(), ['stopped', 'running', 'running'], how);
  }
});

test('the order of a stop holds over one in the middle that is at rest already', async () => {
  const { world, coordinator, host } = await chain();
  await bringUp(world, 'base');
  await bringUp(world, 'mid');
  for (const id of coordinator.get('mid').workerIds) host('mid').workerCompletes(id);
  host('mid').finish();
  await bringUp(world, 'top');
  void coordinator.stopAll({});
  await settle();
  assert.ok(host('top').has('stop'));
  assert.equal(host('base').has('stop'), false, 'top was built on what base and mid have done');
});

test('an older ordered stop does not end a group that was started since', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  const host = (name: string) => hosts.of(name);
  await coordinator.register(spec('a', { labels: { some: 'x' } }));
  await coordinator.register(spec('b', { after: ['a'] }));
  await coordinator.register(spec('c', { after: ['a'], labels: { some: 'x' } }));
  for (const name of ['a', 'b', 'c']) await bringUp(world, name);
  const older = coordinator.stopAll({});
  const newer = coordinator.stopAll({ labels: [['some', 'x']] });
  host('c').finish();
  await settle();
  host('a').finish();
  await settle();
  const started = coordinator.start('a');
  host('b').finish();
  await settle();
  host('a').initialised();
  await settle();
  host('a').running();
  await started;
  for (const report of await Promise.all([older, newer])) assert.equal(report.success, true);
  assert.deepEqual([coordinator.get('a').state, coordinator.get('a').desired], ['running', 'running']);
});

test('two registrations that make a cycle only together: one of them is refused', async () => {
  const { coordinator } = fakeCoordinator();
  const outcomes = await Promise.allSettled([
    coordinator.register(spec('a', { after: ['b'] })),
    coordinator.register(spec('b', { after: ['a'] })),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
});

test('what a start has brought up and what has died meanwhile stays down when that start is rolled back', async () => {
  const { coordinator, clock, hosts } = fakeCoordinator();
  const rules = restart({ policy: 'always', scope: 'group' });
  await coordinator.register(spec('a', { restart: rules }));
  await coordinator.register(spec('b', { after: ['a'] }));
  const started = coordinator.startAll({});
  await settle();
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').running();
  await settle();
  hosts.of('a').exit();
  assert.equal(coordinator.get('a').state, 'backoff');
  hosts.of('b').initFails();
  await settle();
  hosts.of('b').finish();
  await started;
  assert.deepEqual([coordinator.get('a').state, coordinator.get('a').desired], ['stopped', 'stopped']);
  clock.advance(60_000);
  await settle();
  assert.equal(hosts.alive().length, 0);
});

test('a restart waits for one that is on its way back, also while that is still stopping', async () => {
  const world = fakeCoordinator();
  const { coordinator, clock, hosts } = world;
  const rules = restart({ policy: 'always', scope: 'group' });
  await coordinator.register(spec('a', { restart: rules }));
  await coordinator.register(spec('b', { after: ['a'], restart: rules }));
  for (const name of ['a', 'b']) await bringUp(world, name);
  hosts.of('b').exit();
  hosts.of('a').workerThrows(0);
  clock.advance(1_000);
  await settle();
  assert.deepEqual([coordinator.get('a').state, coordinator.get('b').state], ['stopping', 'backoff']);
  hosts.of('a').finish();
  clock.advance(1_000);
  await settle();
  assert.equal(hosts.alive('b').length, 0, 'a does not run yet');
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').running();
  await settle();
  assert.equal(coordinator.get('b').state, 'starting');
});

test('who is started while it still stops waits for one that comes up, as from rest', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts } = world;
  await coordinator.register(spec('a'));
  await coordinator.register(spec('b', { after: ['a'] }));
  for (const name of ['a', 'b']) await bringUp(world, name);
  const restarted = coordinator.restart('a');
  await settle();
  hosts.of('a').finish();
  const stopped = coordinator.stop('b');
  const started = coordinator.start('b');
  await settle();
  hosts.of('b').finish();
  await stopped;
  await settle();
  assert.deepEqual([coordinator.get('a').state, coordinator.get('b').state], ['starting', 'stopped']);
  await comesUp(world, 'a');
  await restarted;
  await comesUp(world, 'b');
  await started;
});

test('whenever the one before it is stopped and started, a group does not begin before that one runs', async () => {
  for (let turns = 0; turns < 20; turns++) {
    const world = fakeCoordinator();
    const { coordinator, hosts } = world;
    await coordinator.register(spec('a'));
    await coordinator.register(spec('b', { after: ['a'] }));
    await bringUp(world, 'a');
    let begun: boolean | undefined;
    coordinator.events.on('transition', ({ group, to }) => {
      if (group === 'b' && to === 'starting') begun = coordinator.get('a').hasCome;
    });
    const started = coordinator.start('b');
    for (let turn = 0; turn < turns; turn++) await undefined;
    void coordinator.stop('a');
    hosts.of('a').finish();
    await obeyed(world, Promise.all([coordinator.start('a'), started]));
    assert.equal(begun, true, `${turns} turns after its start was asked for`);
  }
});
