/** What the control plane and a group host say to each other, one JSON object a line; and the words they share. */

export const HOOKS = ['init', 'shutdown', 'cleanup'] as const;
/** Hooks that run once a start, in the hooks thread. */
export type Hook = (typeof HOOKS)[number];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const PHASES = ['module', 'init', 'setup', 'iteration', 'teardown', 'hooks'] as const;
/** Where user code failed. `hooks`: in the hooks thread, outside of any hook. */
export type Phase = (typeof PHASES)[number];

/** What a host needs to know about its group before it runs anything. */
export interface HostLaunch {
  readonly group: { name: string; workerIds: number[]; labels: Record<string, string>; params: unknown };
  readonly coordinator: { groups: string[]; workerIds: number[] };
  readonly moduleUrl: string;
  readonly loggerUrls: readonly string[];
  readonly logIntervalSeconds: number;
  /** Upper bounds of the histogram, in seconds. */
  readonly buckets: readonly number[];
}

/** From the control plane to the host. */
export type HostCommand =
  | { type: 'init'; launch: HostLaunch }
  | { type: 'run' }
  | { type: 'stop' }
  | { type: 'report'; request: number };
