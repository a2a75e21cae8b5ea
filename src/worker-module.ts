import type { Tensor } from './tensors.js';

/** The contract of worker modules and loggers: what authors write, and what they are given. */

/** What a group tells its hooks. */
export interface GroupInfo<Params = unknown> {
  readonly name: string;
  /** The ids of the group's workers, by index, when the group was started. */
  readonly workerIds: readonly number[];
  readonly labels: Readonly<Record<string, string>>;
  /** The `params` of the registration. */
  readonly params: Params;
}

/** What the service tells an `init` hook about itself. */
export interface CoordinatorInfo {
  /** Names of all groups, in order of registration. */
  readonly groups: readonly string[];
  /** Ids of all workers. */
  readonly workerIds: readonly number[];
}

/**
 * Writes a line to the log of the service. At most 200 lines a second (1,000 at once) get through, the
 * rest is counted; a text is cut at 8,000 characters, and larger fields are left out.
 */
export type LogFunction = (message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** What goes with an item. */
export interface PutOptions {
  /** Media type of the item; `application/octet-stream` by default. */
  readonly contentType?: string;
  /** Any JSON of up to 8,192 characters, in ASCII: `é` counts as the six of `\u00e9`, an emoji as twelve. */
  readonly meta?: unknown;
}

/** What a worker is given with every call. */
export interface WorkerContext<Params = unknown, Shared = unknown> {
  /** Unique in the whole service, never used again. */
  readonly workerId: number;
  /** The worker's place in its group: 0 to `count` - 1, the same over restarts. Shard data by it. */
  readonly index: number;
  /** How many workers the group has now: scaling it changes this. */
  readonly count: number;
  readonly group: GroupInfo<Params>;
  readonly labels: Readonly<Record<string, string>>;
  /** The `params` of the registration. */
  readonly params: Params;
  /** What `init` returned: cloned to every worker, SharedArrayBuffers shared. */
  readonly shared: Shared;
  /** Calls of the worker function before this one, since this worker was last started: it begins at 0 each time. */
  readonly iteration: number;
  /** Fires when stop is asked. */
  readonly signal: AbortSignal;
  readonly log: Readonly<Record<'debug' | 'info' | 'warn' | 'error', LogFunction>>;
  /**
   * Waits; ends early, without an error, when stop is asked.
   * @param seconds 0 to 2,147,483
   * @throws RangeError for anything else
   */
  sleep(seconds: number): Promise<void>;
  /**
   * Hands an item to the trainer: resolves when the feed of the group has taken it, waits while that is full. A whole
   * buffer is moved, and empty afterwards; a view of a part of one, and shared memory, is copied.
   * @throws FeedClosed once the worker is asked to stop: it need not be caught
   * @throws RangeError when the item with its `meta` is larger than `feed.maxBytes`, or the `meta` than its bound; when 64
   * puts of this worker are under way already, or they and this one together are larger than `feed.maxBytes`
   * @throws TypeError for anything but bytes, for options, a `contentType` (ASCII, up to 256 characters) or a `meta` that are
   * none, and in a group without a feed
   */
  put(item: ArrayBuffer | SharedArrayBuffer | ArrayBufferView, options?: PutOptions): Promise<void>;
  /**
   * Memory for an item, whose every byte has to be written: what is in it is left from an earlier item. Where items are
   * all of one size, or of a few in turn, of 64 KiB or more, that of those which the trainer has taken is used again, by
   * whichever worker of the group puts next: that saves the time that new memory takes, and its fragments.
   * @param bytes a whole number from 0
   * @throws RangeError for anything else, and when there is no such memory
   */
  allocate(bytes: number): ArrayBuffer;
  /**
   * Puts tensors into one buffer in the safetensors format, in memory of `allocate`, for `put`:
   * `ctx.put(ctx.tensors({ images: { dtype: 'F32', shape: [32, 64], data } }))`. The package exports
   * the same function as `tensors`.
   * @throws TypeError, RangeError when types, shapes and data do not fit together
   */
  tensors(
    of: Readonly<Record<string, Tensor>>,
    metadata?: Readonly<Record<string, string>>,
  ): Uint8Array<ArrayBuffer>;
  /** This worker has no more work: the present call is its last. When all have finished the group is `completed`. */
  finish(): void;
}

/** One iteration. A throw stops the whole group, unless its restart policy says otherwise. */
export type WorkerFunction<Params = unknown, Shared = unknown> = (
  workerId: number,
  ctx: WorkerContext<Params, Shared>,
) => void | Promise<void>;

/** What a worker module exports. */
export interface WorkerModule<Params = unknown, Shared = unknown> {
  default: WorkerFunction<Params, Shared>;
  /** Once per start, before any worker. What it returns is `ctx.shared`. */
  init?(group: GroupInfo<Params>, coordinator: CoordinatorInfo): Shared | Promise<Shared>;
  /** As soon as stop is asked, before workers are waited for: unblocks them. */
  shutdown?(group: GroupInfo<Params>): void | Promise<void>;
  /** After every worker ended, only if none had to be killed. */
  cleanup?(group: GroupInfo<Params>): void | Promise<void>;
  /** Once in each worker, before its first iteration. */
  setup?(workerId: number, ctx: WorkerContext<Params, Shared>): void | Promise<void>;
  /** Once in each worker, after its last iteration. */
  teardown?(workerId: number, ctx: WorkerContext<Params, Shared>): void | Promise<void>;
}

/** What a logger is given: sums since the group was started. */
export interface LoggerMetrics {
  readonly group: string;
  /** Time spent in the worker function by all workers, in seconds. */
  readonly worker_time: number;
  /** Calls of the worker function, failed ones included. */
  readonly worker_time_count: number;
  /** Calls that threw. */
  readonly errors: number;
  readonly workers: readonly {
    readonly workerId: number;
    readonly index: number;
    readonly worker_time: number;
    readonly worker_time_count: number;
    readonly errors: number;
  }[];
}

/** What a logger module exports. */
export interface LoggerModule {
  log(metrics: LoggerMetrics): void | Promise<void>;
}
