import { setFlagsFromString } from 'node:v8';

/**
 * The young generation of a host's own thread, in MiB: V8's default of 16 is grown into with time by whatever lives on from
 * one collection to the next, as items of a feed do, and is not given back. With 2 the memory of a host at full speed stopped
 * 25 MB lower, and it handed over as many items a second.
 */
const FLAG = '--max-semi-space-size=2';

/** Flags of Node for the heap of a host's own thread. @param environment of the host, which may ask for heaps of its own */
export function ownHeapFlags(environment: NodeJS.ProcessEnv): string[] {
  return /semi-space/.test(environment['NODE_OPTIONS'] ?? '') ? [] : [FLAG];
}

/** Threads that are started from here on have the heaps that Node gives them: those are for user code. */
export function keepOwnHeap(): void {
  if (process.execArgv.includes(FLAG)) setFlagsFromString('--max-semi-space-size=0');
}

/** To be called in each thread: processes that user code forks have the flags of its `process.execArgv`. */
export function dropOwnHeapFlags(): void {
  process.execArgv = process.execArgv.filter((argument) => argument !== FLAG);
}
