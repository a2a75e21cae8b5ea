import type { HostMessage } from '../host/host-message.js';
import type { HostLaunch } from '../host/protocol.js';

/** How a group host came to its end. */
export interface HostExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the control plane killed it, or why it could not be started. */
  readonly error?: string;
}

/** A group host as the domain sees it: the process behind it is somebody else's business. */
export interface Host {
  /** Process id; undefined when the process could not be started. */
  readonly pid: number | undefined;
  /** Loads the module and runs `init`; answered by `initialised` or `failed`. */
  init(launch: HostLaunch): void;
  /** Starts every worker; answered by `running` or `failed`. */
  run(): void;
  /** Asks everything to end; answered by `finished` and the exit. */
  stop(): void;
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

/** Starts a host. It does not throw: a process that cannot be started is one that exits with an `error`. */
export type HostFactory = (groupName: string, listener: HostListener) => Host;
