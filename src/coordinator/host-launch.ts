import type { HostLaunch } from '../host/protocol.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { Group } from './group.js';

export interface LaunchWorld {
  /**
   * Finds a worker module: its URL, and the real path of the workers directory, which it is in. Throws a ProblemError
   * that says what is wrong with the path.
   */
  readonly resolveModule: (path: string) => Promise<{ readonly url: string; readonly workersDir: string }>;
  /** Path of the Unix domain socket that a group's feed is served on. */
  readonly feedSocket: (group: string) => string;
}

/**
 * Finds a group's modules and puts together what its host has to know.
 * @param groups all groups that there are, once the modules are found
 * @throws ProblemError module_*
 */
export async function hostLaunch(
  spec: GroupSpec,
  workerIds: readonly number[],
  { resolveModule, feedSocket }: LaunchWorld,
  groups: () => readonly Group[],
): Promise<HostLaunch> {
  const { url: moduleUrl, workersDir } = await resolveModule(spec.module);
  const loggers = await Promise.all(spec.loggers.map((path) => resolveModule(path)));
  const all = groups();
  return {
    group: { name: spec.name, workerIds: [...workerIds], labels: spec.labels, params: spec.params },
    coordinator: {
      groups: all.map(({ name }) => name),
      workerIds: all.flatMap((group) => group.workerIds),
    },
    workersDir,
    moduleUrl,
    loggerUrls: loggers.map(({ url }) => url),
    logIntervalSeconds: spec.logIntervalSeconds,
    buckets: spec.buckets,
    intervalSeconds: spec.intervalSeconds,
    maxIterations: spec.maxIterations,
    iterationTimeoutSeconds: spec.iterationTimeoutSeconds,
    heapMb: spec.limits.heapMb,
    rssMb: spec.limits.rssMb,
    nice: spec.nice,
    feed: spec.feed && { socket: feedSocket(spec.name), ...spec.feed },
  };
}
