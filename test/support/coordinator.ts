import { Coordinator } from '#dist/coordinator/coordinator.js';
import { DEFAULT_BUCKETS, type GroupSpec } from '#dist/schemas/group-spec.js';
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
    buckets: DEFAULT_BUCKETS,
    loggers: [],
    logIntervalSeconds: 60,
    ...changes,
  };
}

/** The real coordinator over fake hosts and a fake clock. */
export function fakeCoordinator({ maxWorkers = 64 } = {}) {
  const clock = new FakeClock();
  const hosts = new FakeHosts();
  const coordinator = new Coordinator({
    clock,
    createHost: hosts.create,
    resolveModule: async (path) => `file:///${path}`,
    maxWorkers,
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
