import { type ChildProcess, spawn } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HostSpec } from '../coordinator/host.js';
import { inheritableDescriptors } from './descriptors.js';
import type { HostDirectories } from './directories.js';
import { fenceFlags } from './fence.js';
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
  /** Node's flags that fence it in. */
  readonly flags: readonly string[];
}

/** Returns what starts the processes of hosts. */
export function hostStarter(surroundings: HostSurroundings) {
  const { environment, directories } = surroundings;
  // What it inherits against our will.
  const toClose = inheritableDescriptors().map(String);
  return {
    /**
     * The flags of a host of this group that works in this directory.
     * @throws what the file system says of the workers directory
     */
    flags: (spec: HostSpec, directory: string) => flagsOf(spec, directory, surroundings),

    /**
     * Starts a host.
     * @param spec of its group, as far as it makes a difference
     * @param title what the process is listed as, until it has a group
     * @throws what `spawn` throws, and the file system
     */
    start(spec: HostSpec, title: string): StartedHost {
      const directory = directories.make();
      try {
        const flags = flagsOf(spec, directory, surroundings);
        const args = [HOST_PROCESS, titleArgument(title), String(threadsOf(spec)), ...toClose];
        const child = spawn(process.execPath, [...flags, ...args], {
          // Its own process group: one signal reaches every process that its workers started.
          detached: true,
          cwd: directory,
          env: environment,
          // Messages, then commands.
          stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
        });
        return { child, directory, flags };
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
