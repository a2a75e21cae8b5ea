import type { MessagePort } from 'node:worker_threads';
import type { LoggerMetrics } from '../../worker-module.js';
import type { ErrorInfo } from '../host-message.js';
import type { Hook, HostLaunch, Phase } from '../protocol.js';
import type { LogLine } from './log.js';

/** The tasks that a thread of the pool can be given, and what it says meanwhile. All of it is plain data. */
export type ThreadTask = HooksTask | WorkerTask | LoggersTask;

/** Loads the module and calls its hooks when told to, until the port closes. */
export interface HooksTask {
  kind: 'hooks';
  launch: HostLaunch;
  port: MessagePort;
}

/** One worker, as long as it runs. */
export interface WorkerTask {
  kind: 'worker';
  launch: HostLaunch;
  workerId: number;
  index: number;
  shared: unknown;
  memory: SharedArrayBuffer;
  port: MessagePort;
}

/** Calls the loggers with each set of metrics that arrives, until the port closes. */
export interface LoggersTask {
  kind: 'loggers';
  urls: readonly string[];
  workersDir: string;
  port: MessagePort;
}

export interface ThreadFailure {
  phase: Phase;
  error: ErrorInfo;
}

/** How a worker's task ended. A failure was told when it happened. */
export type WorkerResult = { outcome: 'stopped' | 'completed' | 'failed' };

export type ThreadMessage =
  | { type: 'log'; line: LogLine }
  /** The module is loaded and has these hooks. */
  | { type: 'loaded'; hooks: Hook[] }
  | { type: 'hookReturned'; value: unknown }
  | { type: 'looping' }
  /** The worker has no more work and tears down. */
  | { type: 'finishing' }
  | { type: 'failed'; failure: ThreadFailure }
  /** Answered by a `PutAnswer`; the answers come in the order of the puts. */
  | {
      type: 'put';
      bytes: Uint8Array<ArrayBuffer>;
      contentType: string;
      meta: string | undefined;
      /** Whether its memory is of `allocate`: it is used again when the item is taken, and the answer brings such memory. */
      reusable: boolean;
    }
  | { type: 'logged' };

/** To a worker's thread. */
export interface PutAnswer {
  /** Whether the queue has taken the item. */
  taken: boolean;
  /** Memory as large as the item, of one that the trainer has taken; undefined when there is none, or it is not wanted. */
  spare: ArrayBuffer | undefined;
}

/** To the hooks thread. */
export interface HookCall {
  hook: Hook;
}

/** To the loggers thread. */
export interface LoggersCall {
  metrics: LoggerMetrics;
}
