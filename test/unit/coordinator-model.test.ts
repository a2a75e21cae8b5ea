import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { GroupStore } from '#dist/coordinator/group-store.js';
import { isActive } from '#dist/coordinator/state.js';
import { ProblemError } from '#dist/errors.js';
import type { RestartRules } from '#dist/schemas/restart-rules.js';
import { fakeCoordinator, restart, spec, type World } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';
import type { FakeHost } from '../support/fake-host.js';
import { MemoryStore } from '../support/memory-store.js';

const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

/** What a user may ask and what may happen to a host; `pick` chooses among what there is at the moment. */
type Action =
  | { kind: 'start' | 'stop' | 'restart' | 'remove' | 'patch'; name: Name }
  | { kind: 'register'; name: Name; rules: RestartRules }
  | { kind: 'replace'; name: Name; workers: number; rules: RestartRules }
  | { kind: 'scale'; name: Name; workers: number }
  | { kind: 'startAll' | 'stopAll' | 'obeyAll' }
  | { kind: 'advance'; milliseconds: number }
  | { kind: 'host'; does: HostDeed; pick: number };

const HOST_DEEDS = [
  'obey',
  'obey',
  'obey',
  'initFails',
  'workerThrows',
  'workerThrows',
  'workerStalls',
  'workerStalls',
  'workerSticks',
  'workerEnds',
  'workerCompletes',
  'workersComplete',
  'crash',
  'dies',
] as const;
type HostDeed = (typeof HOST_DEEDS)[number];

const backoff = { initialSeconds: 0.5, factor: 2, maxSeconds: 2, jitter: 0 };
const RULES = [
  restart(),
  restart({ policy: 'on-failure', scope: 'worker', maxRestarts: 2, backoff }),
  restart({ policy: 'always', scope: 'group', maxRestarts: 2, backoff }),
] as const;

const name = fc.constantFrom(...NAMES);
const rules = fc.constantFrom(...RULES, RULES[1]);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('register' as const), name, rules }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('start' as const, 'stop' as const, 'restart' as const),
      name,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'patch' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('replace' as const),
      name,
      workers: fc.integer({ min: 1, max: 3 }),
      rules,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('scale' as const),
      name,
      workers: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('startAll' as const, 'stopAll' as const) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('obeyAll' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      milliseconds: fc.constantFrom(1, 500, 500, 1_000, 5_000, 5_001, 30_000),
    }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      kind: fc.constant('host' as const),
      does: fc.constantFrom(...HOST_DEEDS),
      pick: fc.nat(20),
    }),
  },
);

const histories = fc.array(fc.tuple(action, fc.boolean()), { maxLength: 40, size: 'max' });

/** Runs the actions over the real coordinator, and checks after each what must always hold. */
class Run {
  readonly world: World;
  /** The last command on each group, as far as nothing has happened since that could change its outcome. */
  readonly wanted = new Map<string, 'running' | 'rest'>();
  /** Groups whose start is under way and may already be lost. */
  readonly doomed = new Set<string>();
  /** Removals that were asked for and have not come to their end, by group. */
  readonly removals = new Map<string, number>();
  readonly commands: Promise<unknown>[] = [];
  readonly seenIds = new Map<number, string>();
  readonly unexpected: unknown[] = [];

  constructor(store: GroupStore | undefined) {
    this.world = fakeCoordinator(store && { store });
    const { coordinator, hosts } = this.world;
    coordinator.events.on('transition', ({ group, from, to }) => {
      // The table's own word is not taken for it: rest means that no host of the group lives.
      if (!isActive(to) && hosts.alive(group).length > 0)
        this.unexpected.push(`${group} ${from}->${to} with a live host`);
    });
  }

  do(action: Action): void {
    const { coordinator, clock, hosts } = this.world;
    switch (action.kind) {
      case 'register':
        this.command(coordinator.register(spec(action.name, { restart: action.rules })));
        break;
      case 'replace':
        this.wanted.delete(action.name);
        this.command(
          coordinator.replace(spec(action.name, { workers: action.workers, restart: action.rules })),
        );
        break;
      case 'patch':
        this.command(coordinator.patch(action.name, { stopGraceSeconds: 2 }));
        break;
      case 'scale':
        this.command(coordinator.patch(action.name, { workers: action.workers }));
        break;
      case 'start':
      case 'restart':
        this.want(action.name);
        this.command(coordinator[action.kind](action.name));
        break;
      case 'stop':
        this.wanted.set(action.name, 'rest');
        this.command(coordinator.stop(action.name));
        break;
      case 'remove':
        this.wanted.set(action.name, 'rest');
        this.count(action.name, 1);
        this.command(coordinator.remove(action.name).finally(() => this.count(action.name, -1)));
        break;
      case 'startAll':
        for (const { name } of coordinator.list()) this.want(name);
        this.command(coordinator.startAll({}));
        break;
      case 'stopAll':
        for (const { name } of coordinator.list()) this.wanted.set(name, 'rest');
        this.command(coordinator.stopAll({}));
        break;
      case 'obeyAll':
        for (const host of hosts.alive()) this.obey(host);
        break;
      case 'advance':
        // A start may time out, a stop may end in a kill.
        this.disturb();
        clock.advance(action.milliseconds);
        break;
      case 'host': {
        const alive = hosts.alive();
        const host = alive[action.pick % Math.max(1, alive.length)];
        if (host !== undefined) this.deed(host, action.does, action.pick);
      }
    }
  }

  deed(host: FakeHost, deed: HostDeed, pick: number): void {
    if (deed === 'obey') {
      this.obey(host);
      return;
    }
    this.disturb();
    const first = host.workerIds[pick % Math.max(1, host.workerIds.length)];
    if (deed === 'initFails' && host.has('init') && !host.has('run')) host.initFails();
    else if (deed === 'workerThrows' && host.has('run') && first !== undefined) host.workerThrows(first);
    else if (deed === 'workerStalls' && host.has('run') && first !== undefined) {
      host.workerStalls(first);
      host.workerFails('stall', first);
    } else if (deed === 'workerSticks' && host.has(`kill ${first}`) && first !== undefined)
      host.workerSticks(first);
    else if (deed === 'workerEnds' && host.has('run') && first !== undefined) host.workerEnds(first);
    else if (deed === 'workerCompletes' && host.has('run') && first !== undefined)
      host.workerCompletes(first);
    else if (deed === 'workersComplete' && host.has('run'))
      for (const id of host.workerIds) host.workerCompletes(id);
    else if (deed === 'crash') host.exit({ code: 134, signal: null });
    else if (deed === 'dies') host.exit({ code: null, signal: 'SIGSEGV' });
  }

  /** Does the next thing that a well-behaved host owes; the thread of a worker that has failed ends. */
  obey(host: FakeHost): void {
    const group = this.world.coordinator.list().find(({ name }) => name === host.group);
    for (const { id, state } of group?.workers() ?? []) if (state === 'failed') host.workerEnds(id);
    host.obeys();
  }

  count(name: string, by: number): void {
    this.removals.set(name, (this.removals.get(name) ?? 0) + by);
  }

  want(name: string): void {
    const group = this.world.coordinator.list().find((candidate) => candidate.name === name);
    // Where some have completed already, the last that works may be leaving: then the group is completed.
    const mayComplete = group?.active === true && group.workers().some(({ state }) => state === 'completed');
    // One whose removal waits for its turn is none to start, and may be registered again by then.
    const leaves = group?.removing === true || (this.removals.get(name) ?? 0) > 0;
    if (this.doomed.has(name) || group === undefined || leaves || mayComplete) this.wanted.delete(name);
    else this.wanted.set(name, 'running');
  }

  /**
   * A failure may roll other groups back, so nothing that was wanted to run is certain any more; nor is a start
   * that joins one which is under way at this moment.
   */
  disturb(): void {
    for (const [name, wanted] of this.wanted) if (wanted === 'running') this.wanted.delete(name);
    for (const { name, state } of this.world.coordinator.list())
      if (state === 'starting') this.doomed.add(name);
  }

  command(promise: Promise<unknown>): void {
    const caught = promise.catch((error: unknown) => {
      if (!(error instanceof ProblemError) || error.code === 'internal') this.unexpected.push(error);
    });
    this.commands.push(caught);
  }

  check(): void {
    assert.deepEqual(this.unexpected, []);
    const { coordinator, hosts } = this.world;
    for (const name of NAMES) assert.ok(hosts.alive(name).length <= 1, `group ${name} has two incarnations`);
    for (const group of coordinator.list()) {
      if (group.state !== 'starting') this.doomed.delete(group.name);
      assert.equal(group.active, hosts.alive(group.name).length === 1, `${group.name} is ${group.state}`);
      assert.equal(
        group.state === 'backoff',
        group.restartAt !== undefined,
        `${group.name} is ${group.state}`,
      );
      assert.equal(new Set(group.workerIds).size, group.workerIds.length);
      assert.equal(group.workers().length, group.workerIds.length);
    }
    for (const host of hosts.alive()) {
      for (const id of host.workerIds) {
        const owner = this.seenIds.get(id) ?? host.group;
        assert.equal(owner, host.group, `worker ${id} belongs to two groups`);
        this.seenIds.set(id, owner);
      }
    }
  }

  /** From now on every host behaves: all that is under way must come to its end. */
  async finish(): Promise<void> {
    const { hosts, coordinator } = this.world;
    await this.obeyAll();
    let open = this.commands.length;
    for (const command of this.commands) void command.then(() => open--);
    await this.obeyAll();
    assert.equal(open, 0, 'a command never ended');
    this.check();
    for (const group of coordinator.list()) {
      assert.equal(group.workers().length, group.spec.workers, `${group.name}: the number of workers`);
      if (group.state !== 'running') continue;
      const underWay = group.workers().filter(({ state, restartAt }) => {
        if (state === 'failed') return restartAt === undefined;
        return state !== 'running' && state !== 'completed';
      });
      assert.deepEqual(underWay, [], `${group.name} has workers that go nowhere`);
    }
    for (const [name, wanted] of this.wanted) {
      const group = coordinator.list().find((candidate) => candidate.name === name);
      if (wanted === 'rest')
        assert.ok(
          group === undefined || (!group.active && group.state !== 'backoff'),
          `${name} was stopped last and is ${group?.state}`,
        );
      else if (group !== undefined)
        assert.equal(group.state, 'running', `${name} was started last: ${group.reason}`);
    }
    const stopped = coordinator.stopAll({});
    await this.obeyAll();
    assert.equal((await stopped).success, true);
    assert.equal(hosts.alive().length, 0);
    for (const { name, state, active } of coordinator.list())
      assert.ok(!active && state !== 'backoff', `${name} is ${state}`);
    assert.equal(this.world.clock.pending, 0, 'a timer is left over');
  }

  async obeyAll(rounds = 30): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await settle();
      for (const host of this.world.hosts.alive()) this.obey(host);
    }
    await settle();
  }
}

/** What happens to groups that run: little is asked from outside, much goes wrong with single workers. */
const restlessAction: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('scale' as const),
      name,
      workers: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('start' as const, 'stop' as const), name }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('obeyAll' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      milliseconds: fc.constantFrom(500, 1_000, 2_000, 5_000),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('host' as const),
      does: fc.constantFrom(
        'obey' as const,
        'workerThrows' as const,
        'workerStalls' as const,
        'workerSticks' as const,
        'workerEnds' as const,
        'workerCompletes' as const,
      ),
      pick: fc.nat(20),
    }),
  },
);
const restlessHistories = fc.array(fc.tuple(restlessAction, fc.boolean()), { maxLength: 40, size: 'max' });

type History = readonly [
  first: readonly RestartRules[],
  up: boolean,
  steps: readonly (readonly [Action, boolean])[],
];

async function play([first, up, steps]: History, store?: GroupStore): Promise<void> {
  const run = new Run(store);
  NAMES.forEach((name, i) => {
    run.command(run.world.coordinator.register(spec(name, { restart: first[i] ?? restart() })));
  });
  await settle();
  if (up) {
    run.do({ kind: 'startAll' });
    await run.obeyAll(6);
  }
  for (const [step, pause] of steps) {
    run.do(step);
    // Without a pause the next step falls into the middle of this one.
    if (pause) await settle();
    run.check();
  }
  await run.finish();
}

test('commands and faults in any order: one incarnation at most, only legal states, always an end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(rules, rules, rules), fc.boolean(), histories, (...history) => play(history)),
    {
      numRuns: 500,
      includeErrorInReport: true,
    },
  );
});

test('workers that fail, hang, come and go while their groups run: the same holds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(rules, rules, rules), fc.constant(true), restlessHistories, (...history) =>
      play(history),
    ),
    { numRuns: 500, includeErrorInReport: true },
  );
});

test('the same holds when every change is kept first', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(rules, rules, rules), fc.boolean(), histories, (...history) =>
      play(history, new MemoryStore()),
    ),
    { numRuns: 500, includeErrorInReport: true },
  );
});
