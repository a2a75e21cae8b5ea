import { setFlagsFromString } from 'node:v8';

/**
 * The young generation of a host's own thread, in MiB: V8's default of 16 is grown into with time by whatever lives on from
 * one collection to the next, as items of a feed do, and is not given back. Node is built for V8 without flags: with one, a
 * host takes about 12 of 170 ms longer to come up.
 */
const FLAG = '--max-semi-space-size=2';

/** Flags of Node that bound the heap of a host's own thread. @param environment of the host, which may say what heaps are to be */
export function ownHeapFlags(environment: NodeJS.ProcessEnv): string[] {
  return /max[-_]semi[-_]space[-_]size/.test(environment['NODE_OPTIONS'] ?? '') ? [] : [FLAG];
}

/** Threads that are started from here on have the heaps that Node gives them: those are for user code. */
export function unboundThreadHeaps(): void {
  if (process.execArgv.includes(FLAG)) setFlagsFromString('--max-semi-space-size=0');
}

/** Flags of Node for a thread: processes that user code forks have them, too. */
export function threadFlags(): string[] {
  return process.execArgv.filter((argument) => argument !== FLAG);
}
