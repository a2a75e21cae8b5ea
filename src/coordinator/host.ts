import type { HostMessage } from '../host/host-message.js';
import type { HostLaunch } from '../host/protocol.js';
import type { GroupSpec } from '../schemas/group-spec.js';

/** How a group host came to its end. */
export interface HostExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the control plane killed it, or why it could not be started. */
  readonly error?: string;
  /** The last lines that it wrote to its standard error, where there were any. */
  readonly lastWords?: string;
}

/** A group host as the domain sees it: the process behind it is somebody else's business. */
export interface Host {
  /** Process id; undefined when the process could not be started. */
  readonly pid: number | undefined;
  /** Loads the module and runs `init`; answered by `initialised` or `failed`. */
  init(launch: HostLaunch): void;
  /** Starts every worker of the launch; answered by `looping` or `failed` of each. */
  run(): void;
  /** Starts one more worker, or one that has ended, in a fresh thread. */
  startWorker(workerId: number, index: number): void;
  /** Asks one worker to end; answered by `ended`. */
  stopWorker(workerId: number): void;
  /** Ends the thread of one worker by force; answered by `ended` or `stuck`. */
  killWorker(workerId: number): void;
  /** Tells those that go on how many workers the group has now. */
  count(count: number): void;
  /** All workers have finished: asks for `drained`, once everything in the feed is taken. */
  drain(): void;
  /** Asks everything to end, `completed` because all work is done, and nothing follows; answered by `finished` and the exit. */
  stop(completed: boolean): void;
  /** Asks for a report that carries this number. */
  report(request: number): void;
  /** Ends the process and all that it started, at once. */
  kill(): void;
}

export interface HostListener {
  message(message: HostMessage): void;
  /** Called exactly once, when the operating system has reported the end; no message follows. */
  exited(exit: HostExit): void;
}

/** What has to be known of a group before its host is there. */
export type HostSpec = Pick<GroupSpec, 'name' | 'permissions' | 'feed' | 'workers' | 'limits'>;

/** Starts a host. It does not throw: a process that cannot be started is one that exits with an `error`. */
export type HostFactory = (spec: HostSpec, listener: HostListener) => Host;
