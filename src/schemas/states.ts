/** States of a group. A group at rest has no process and no thread. */
export const GROUP_STATES = [
  'registered',
  'starting',
  'running',
  'backoff',
  'stopping',
  'stopped',
  'completed',
  'failed',
] as const;
export type GroupState = (typeof GROUP_STATES)[number];

/** States of one worker. */
export const WORKER_STATES = [
  'idle',
  'starting',
  'running',
  'stalled',
  'stopping',
  'stopped',
  'completed',
  'failed',
] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/** What the user last asked for. */
export const DESIRED_STATES = ['running', 'stopped'] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];

/** Where a group was registered. */
export const ORIGINS = ['rest', 'file'] as const;
export type Origin = (typeof ORIGINS)[number];

/** Why something ended that was to go on, and what a restart is counted under. */
export const FAILURES = {
  exception: 'user code threw',
  exit: 'a worker ended its own thread',
  stall: 'a call took longer than `iterationTimeoutSeconds`',
  memory: 'over a limit, or out of memory',
  host: 'the host process died',
  start: 'module, `init` or `setup` failed, or took too long',
} as const;
export type FailureKind = keyof typeof FAILURES;
export const FAILURE_KINDS = Object.keys(FAILURES) as FailureKind[];

/** What a restart can come after: a failure, or with the policy `always` the end of the work. */
export const RESTART_REASONS = [...FAILURE_KINDS, 'completed'] as const;
export type RestartReason = (typeof RESTART_REASONS)[number];

/** What is streamed, as metrics call it. */
export const STREAM_KINDS = ['events', 'logs'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

/** Levels of the lines in a group's log, from the least to the gravest. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
