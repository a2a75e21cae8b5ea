/** States of a group. A group at rest has no process and no thread. */
export const GROUP_STATES = [
  'registered',
  'starting',
  'running',
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
  'stopping',
  'stopped',
  'completed',
  'failed',
] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/** What the user last asked for. */
export const DESIRED_STATES = ['running', 'stopped'] as const;
export type DesiredState = (typeof DESIRED_STATES)[number];
