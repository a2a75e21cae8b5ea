import type { GroupState } from '../schemas/states.js';

/**
 * What can happen to a group. `stopped`, `completed` and `failed` say that the operating system has reported the
 * end of the group's host: nothing else leads to rest.
 */
export type GroupEvent =
  | 'start' // a host is being started
  | 'running' // every worker is in its loop
  | 'stop' // the host was told to end, whatever the cause
  | 'stopped'
  | 'completed'
  | 'failed';

const TABLE: Readonly<Record<GroupState, Partial<Record<GroupEvent, GroupState>>>> = {
  registered: { start: 'starting' },
  starting: { running: 'running', stop: 'stopping', failed: 'failed' },
  running: { stop: 'stopping', failed: 'failed' },
  stopping: { stopped: 'stopped', completed: 'completed', failed: 'failed' },
  stopped: { start: 'starting' },
  completed: { start: 'starting' },
  failed: { start: 'starting' },
};

/** The state after `event` in `state`, or undefined where the table has no such transition. */
export function nextGroupState(state: GroupState, event: GroupEvent): GroupState | undefined {
  return TABLE[state][event];
}

/** Whether a group in this state has, or may have, a process. */
export function isActive(state: GroupState): boolean {
  return state === 'starting' || state === 'running' || state === 'stopping';
}
