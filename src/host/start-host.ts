import { type ChildProcess, spawn } from 'node:child_process';
import { realpathSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostSpec } from '../coordinator/host.js';
import { inheritableDescriptors } from './descriptors.js';
import type { HostDirectories } from './directories.js';
import { fenceFlags } from './fence.js';
import { ownHeapFlags } from './own-heap.js';
import { titleArgument } from './title.js';

const HOST_PROCESS = fileURLToPath(new URL('./process.js', import.meta.url));

/** Where and with what hosts are started. */
export interface HostSurroundings {
  readonly environment: NodeJS.ProcessEnv;
  readonly directories: HostDirectories;
  /** Directory that a fenced host reads its modules from; undefined: hosts have no fence. */
  readonly fencedTo: string | undefined;
  /** Path of the socket that a group's feed is served on. */
  readonly feedSocket: (group: string) => string;
}

/** A host that has been started: a child process, the leader of a process group of its own. */
export interface StartedHost {
  readonly child: ChildProcess;
  /** Its working directory, which is its own. */
  readonly directory: string;
  /** As of its starter, when it was started. */
  readonly fingerprint: string;
}

/** Returns what starts the processes of hosts. */
export function hostStarter(surroundings: HostSurroundings) {
  const { environment, directories } = surroundings;
  // What it inherits against our will.
  const toClose = inheritableDescriptors().map(String);
  return {
    /**
     * What a host of this group that works in this directory would be started with now: two of the same fingerprint are the
     * same to their groups.
     * @throws what the file system says of the workers directory
     */
    fingerprint: (spec: HostSpec, directory: string) =>
      fingerprintOf(flagsOf(spec, directory, surroundings), environment),

    /**
     * Starts a host.
     * @param spec of its group, as far as it makes a difference
     * @param title what the process is listed as, until it has a group
     * @param mayHaveFeed whether it is to be ready for a feed, which bounds the heap of its own thread
     * @throws what `spawn` throws, and the file system
     */
    start(spec: HostSpec, title: string, mayHaveFeed = spec.feed !== null): StartedHost {
      const directory = directories.make();
      try {
        const flags = flagsOf(spec, directory, surroundings);
        const fingerprint = fingerprintOf(flags, environment);
        const args = [HOST_PROCESS, titleArgument(title), String(threadsOf(spec)), ...toClose];
        const heap = mayHaveFeed ? ownHeapFlags(environment) : [];
        const child = spawn(process.execPath, [...heap, ...flags, ...args], {
          // Its own process group: one signal reaches every process that its workers started.
          detached: true,
          cwd: directory,
          env: environment,
          // Messages, then commands.
          stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
        });
        return { child, directory, fingerprint };
      } catch (error) {
        directories.remove(directory);
        throw error;
      }
    },

    /** Ends a host that it has started, and every process that was started by it. */
    kill: ({ child }: StartedHost) => killHost(child),
  };
}

export type HostStarter = ReturnType<typeof hostStarter>;

/** Ends a host, and every process that it has started. */
export function killHost({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in the process group.
  }
}

/** How many threads it can start before it knows its group: for the hooks, and for workers without a heap of their own. */
function threadsOf({ workers, limits }: HostSpec): number {
  return limits.heapMb === null ? 1 + workers : 1;
}

/** Besides its flags, what Node reads when it starts, and never again: certificates are replaced under the same name. */
function fingerprintOf(flags: readonly string[], environment: NodeJS.ProcessEnv): string {
  return JSON.stringify([flags, versionOf(environment['NODE_EXTRA_CA_CERTS'])]);
}

/** What changes when the file does. One that cannot be looked at is none to Node either, which warns and goes on. */
function versionOf(path: string | undefined): number[] | undefined {
  if (path === undefined) return undefined;
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return [ino, size, mtimeMs];
  } catch {
    return undefined;
  }
}

function flagsOf(
  { name, permissions, feed }: HostSpec,
  directory: string,
  { environment, fencedTo, feedSocket }: HostSurroundings,
): string[] {
  if (fencedTo === undefined) return [];
  const coverage = environment['NODE_V8_COVERAGE'];
  const socket = feed === null ? undefined : feedSocket(name);
  return fenceFlags(permissions, { workersDir: realpathSync(fencedTo), directory, socket, coverage });
}
