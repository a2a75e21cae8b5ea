/** What the control plane and a group host say to each other, one JSON object a line; and the words they share. */

export const HOOKS = ['init', 'shutdown', 'cleanup'] as const;
/** Hooks that run once a start, in the hooks thread. */
export type Hook = (typeof HOOKS)[number];

export const PHASES = [
  'module',
  'init',
  'setup',
  'iteration',
  'teardown',
  'hooks',
  'exit',
  'heap',
  'stall',
  'feed',
] as const;
/**
 * Where user code failed. `hooks`: in the hooks thread, outside of any hook. `exit`: it ended its own thread. `heap`:
 * its thread went over `limits.heapMb`. `stall`: a call took longer than `iterationTimeoutSeconds`.
 * `feed`: its socket could not be opened.
 */
export type Phase = (typeof PHASES)[number];

/** What a host needs to know about its group before it runs anything. */
export interface HostLaunch {
  readonly group: { name: string; workerIds: number[]; labels: Record<string, string>; params: unknown };
  readonly coordinator: { groups: string[]; workerIds: number[] };
  /** Real path of the directory that nothing is loaded from outside of. */
  readonly workersDir: string;
  readonly moduleUrl: string;
  readonly loggerUrls: readonly string[];
  readonly logIntervalSeconds: number;
  /** Upper bounds of the histogram, in seconds. */
  readonly buckets: readonly number[];
  /** At least this long between the starts of two calls of one worker; 0: no pause. */
  readonly intervalSeconds: number;
  /** After so many calls a worker has finished; null: it never has by itself. */
  readonly maxIterations: number | null;
  /** A call that takes longer is a stall; null: none is. */
  readonly iterationTimeoutSeconds: number | null;
  /** Heap of each worker in MiB; null: what Node gives it. */
  readonly heapMb: number | null;
  /** Resident memory of the host in MiB above which it reports at once; null: no bound. */
  readonly rssMb: number | null;
  /** How much less of the processor it asks for than others, 0 to 19. */
  readonly nice: number;
  /** Where and how its feed is served; null without one. */
  readonly feed: {
    readonly socket: string;
    readonly capacity: number;
    readonly maxBytes: number;
    readonly ordered: boolean;
  } | null;
}

/** From the control plane to the host. */
export type HostCommand =
  | { type: 'init'; launch: HostLaunch }
  /** Starts every worker of the launch. */
  | { type: 'run' }
  /** Starts one more worker, or one that has ended, in a fresh thread. */
  | { type: 'startWorker'; workerId: number; index: number }
  /** Asks one worker to end. */
  | { type: 'stopWorker'; workerId: number }
  /** Ends one worker's thread by force; answered by `ended` or `stuck`. */
  | { type: 'killWorker'; workerId: number }
  /** How many workers the group has now, for those that go on. */
  | { type: 'count'; count: number }
  /** All workers have finished; answered by `drained` once the feed is empty. */
  | { type: 'drain' }
  /** `completed`: because all work is done. */
  | { type: 'stop'; completed: boolean }
  | { type: 'report'; request: number };
