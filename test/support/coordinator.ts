import { Coordinator } from '#dist/coordinator/coordinator.js';
import { DEFAULT_BUCKETS, type GroupSpec } from '#dist/schemas/group-spec.js';
import type { RestartRules } from '#dist/schemas/restart-rules.js';
import { FakeClock, settle } from './fake-clock.js';
import { FakeHosts } from './fake-host.js';

export function spec(name: string, changes: Partial<GroupSpec> = {}): GroupSpec {
  return {
    name,
    module: 'worker.mjs',
    workers: 2,
    params: {},
    labels: {},
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
    buckets: DEFAULT_BUCKETS,
    loggers: [],
    logIntervalSeconds: 60,
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

/** The real coordinator over fake hosts and a fake clock. */
export function fakeCoordinator({ maxWorkers = 64, maxGroups = 256 } = {}) {
  const clock = new FakeClock();
  const hosts = new FakeHosts();
  const coordinator = new Coordinator({
    clock,
    createHost: hosts.create,
    resolveModule: async (path) => `file:///${path}`,
    random: () => 0,
    maxWorkers,
    maxGroups,
    onListenerError: (error) => {
      throw error;
    },
  });
  return { clock, hosts, coordinator };
}

/** Takes a group from rest to its loops. */
export async function bringUp(
  { coordinator, hosts }: ReturnType<typeof fakeCoordinator>,
  name: string,
): Promise<void> {
  const started = coordinator.start(name);
  await settle();
  hosts.of(name).initialised();
  await settle();
  hosts.of(name).running();
  await started;
}
