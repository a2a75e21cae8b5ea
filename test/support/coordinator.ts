import { Coordinator } from '#dist/coordinator/coordinator.js';
import type { GroupStore } from '#dist/coordinator/group-store.js';
import { ProblemError } from '#dist/errors.js';
import { DEFAULT_BUCKETS, type GroupSpec } from '#dist/schemas/group-spec.js';
import type { RestartRules } from '#dist/schemas/restart-rules.js';
import { FakeClock, settle } from './fake-clock.js';
import { type FakeHost, FakeHosts } from './fake-host.js';

export function spec(name: string, changes: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name,
    module: 'worker.mjs',
    workers: 2,
    params: {},
    labels: {},
    autostart: false,
    stopGraceSeconds: 5,
    startTimeoutSeconds: 30,
    after: [],
    critical: false,
    iterationTimeoutSeconds: null,
    intervalSeconds: 0,
    maxIterations: null,
    restart: restart(),
    limits: { heapMb: null, rssMb: null },
    nice: 0,
    permissions: { read: [], write: [], childProcess: false, addons: false, wasi: false },
    buckets: DEFAULT_BUCKETS,
    loggers: [],
    logIntervalSeconds: 60,
    feed: null,
    ...changes,
  };
}

/** Restart rules, without jitter so that a test knows when the next try comes. */
export function restart(changes: Partial<RestartRules> = {}): RestartRules {
  return {
    policy: 'never',
    scope: 'worker',
    maxRestarts: 5,
    windowSeconds: 30,
    backoff: { initialSeconds: 1, factor: 2, maxSeconds: 60, jitter: 0 },
    ...changes,
  };
}

export interface WorldOptions {
  readonly maxWorkers?: number;
  readonly maxGroups?: number;
  readonly store?: GroupStore;
}

/** The real coordinator over fake hosts and a fake clock. */
export function fakeCoordinator({ maxWorkers = 64, maxGroups = 256, store }: WorldOptions = {}) {
  const clock = new FakeClock();
  const hosts = new FakeHosts();
  const coordinator = new Coordinator({
    clock,
    createHost: hosts.create,
    resolveModule: async (path) => ({ url: `file:///${path}`, workersDir: '/' }),
    feedSocket: (group) => `/feed/${group}.sock`,
    random: () => 0,
    maxWorkers,
    maxGroups,
    ...(store && { store }),
    onListenerError: (error) => {
      throw error;
    },
  });
  return { clock, hosts, coordinator };
}

export type World = ReturnType<typeof fakeCoordinator>;

/** Takes a group from rest to its loops. */
export async function bringUp(world: World, name: string): Promise<void> {
  const started = world.coordinator.start(name);
  await comesUp(world, name);
  await started;
}

/** A group that is being started gets to its loops. */
export async function comesUp({ hosts }: World, name: string): Promise<FakeHost> {
  await settle();
  const host = hosts.of(name);
  host.initialised();
  await settle();
  host.running();
  await settle();
  return host;
}

/** Hosts do what they are asked until the promise is settled. */
export async function obeyed<T>({ hosts }: Pick<World, 'hosts'>, promise: Promise<T>): Promise<T> {
  let open = true;
  const over = () => {
    open = false;
  };
  promise.then(over, over);
  while (open) {
    await settle();
    for (const host of hosts.alive()) host.obeys();
  }
  return promise;
}

/** A group that was registered and brought up, in a world of its own. */
export async function running(changes: Partial<GroupSpec> = {}, options: WorldOptions = {}) {
  const world = fakeCoordinator(options);
  await world.coordinator.register(spec('a', changes));
  await bringUp(world, 'a');
  return { ...world, world, host: world.hosts.of('a'), group: world.coordinator.get('a') };
}

/** Time passes in which the hosts show that they live. */
export function run({ clock, hosts }: Pick<World, 'clock' | 'hosts'>, seconds: number): void {
  for (let left = seconds; left > 0; left -= 10) {
    for (const host of hosts.alive()) host.reports();
    clock.advance(Math.min(left, 10) * 1000);
  }
}

/** Whether a problem has this code, for `assert.rejects`. */
export function code(expected: string) {
  return (error: unknown) => error instanceof ProblemError && error.code === expected;
}
