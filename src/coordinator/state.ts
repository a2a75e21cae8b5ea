import type { GroupState, WorkerState } from '../schemas/states.js';

/**
 * What can happen to a group. `stopped`, `completed`, `failed` and `backoff` say that the operating system has
 * reported the end of the group's host, or that it had none: nothing else leads to rest.
 */
export type GroupEvent =
  | 'start' // a host is being started
  | 'running' // every worker has been in its loop
  | 'stop' // the host was told to end, whatever the cause
  | 'stopped'
  | 'completed'
  | 'failed'
  | 'backoff'; // it will start again by itself

const GROUP_TABLE: Readonly<Record<GroupState, Partial<Record<GroupEvent, GroupState>>>> = {
  // Failed without a process: what should run, after a restart of itself or of the service, and may not.
  registered: { start: 'starting', failed: 'failed' },
  starting: { running: 'running', stop: 'stopping', failed: 'failed', backoff: 'backoff' },
  running: { stop: 'stopping', failed: 'failed', backoff: 'backoff' },
  backoff: { start: 'starting', stopped: 'stopped' },
  stopping: { stopped: 'stopped', completed: 'completed', failed: 'failed', backoff: 'backoff' },
  stopped: { start: 'starting', failed: 'failed' },
  completed: { start: 'starting', failed: 'failed' },
  failed: { start: 'starting', failed: 'failed' },
};

/** The state after `event` in `state`, or undefined where the table has no such transition. */
export function nextGroupState(state: GroupState, event: GroupEvent): GroupState | undefined {
  return GROUP_TABLE[state][event];
}

/** Whether a group in this state has, or may have, a process. */
export function isActive(state: GroupState): boolean {
  return state === 'starting' || state === 'running' || state === 'stopping';
}

/** What can happen to one worker of a host that lives. */
export type WorkerEvent =
  | 'start' // its thread was ordered
  | 'looping' // it is in its loop
  | 'stalled' // its call takes too long
  | 'failed' // user code of it failed; its thread may still live
  | 'stop' // it alone was told to end
  | 'ended' // nothing of it runs any more
  | 'completed'; // the same, and it has no more work

const WORKER_TABLE: Readonly<Record<WorkerState, Partial<Record<WorkerEvent, WorkerState>>>> = {
  idle: { start: 'starting', stop: 'stopped' },
  starting: { looping: 'running', failed: 'failed', stop: 'stopping', ended: 'stopped' },
  running: {
    stalled: 'stalled',
    failed: 'failed',
    stop: 'stopping',
    ended: 'stopped',
    completed: 'completed',
  },
  // Asked to stop, it hangs none the less.
  stalled: { failed: 'failed', stop: 'stalled', ended: 'stopped', completed: 'completed' },
  stopping: { stalled: 'stalled', failed: 'failed', ended: 'stopped', completed: 'completed' },
  failed: { start: 'starting', stop: 'failed', failed: 'failed', ended: 'failed' },
  completed: { start: 'starting', stop: 'completed', ended: 'completed' },
  stopped: {},
};

/** The same for a worker. What is not in the table, a host has no business to say: it changes nothing. */
export function nextWorkerState(state: WorkerState, event: WorkerEvent): WorkerState | undefined {
  return WORKER_TABLE[state][event];
}
