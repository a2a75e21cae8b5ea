import type { GroupState, WorkerState } from '../../schemas/states.js';

/** How a thing is shown, besides by its name. */
export type Tone = 'good' | 'busy' | 'bad' | 'quiet';

/** The colour and the shape of each state. */
const STATES: Readonly<Record<GroupState | WorkerState, readonly [tone: Tone, mark: string]>> = {
  running: ['good', '●'],
  completed: ['good', '✓'],
  starting: ['busy', '◐'],
  stopping: ['busy', '◑'],
  backoff: ['busy', '↻'],
  stalled: ['bad', '▲'],
  failed: ['bad', '✕'],
  registered: ['quiet', '○'],
  idle: ['quiet', '○'],
  stopped: ['quiet', '■'],
};

export function toneOf(state: GroupState | WorkerState): Tone {
  return STATES[state]?.[0] ?? 'quiet';
}

export function markOf(state: GroupState | WorkerState): string {
  return STATES[state]?.[1] ?? '○';
}
