import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type GroupEvent,
  isActive,
  nextGroupState,
  nextWorkerState,
  type WorkerEvent,
} from '#dist/coordinator/state.js';
import { GROUP_STATES, type GroupState, WORKER_STATES, type WorkerState } from '#dist/schemas/states.js';

// Objects, so that the compiler notices when an event is left out.
const GROUP_EVENTS = Object.keys({
  start: 0,
  running: 0,
  stop: 0,
  stopped: 0,
  completed: 0,
  failed: 0,
  backoff: 0,
} satisfies Record<GroupEvent, 0>) as GroupEvent[];

const WORKER_EVENTS = Object.keys({
  start: 0,
  looping: 0,
  stalled: 0,
  failed: 0,
  stop: 0,
  ended: 0,
  completed: 0,
} satisfies Record<WorkerEvent, 0>) as WorkerEvent[];

/** Every move that there is: all others must be none. */
const GROUP_MOVES = [
  'registered --start--> starting',
  'registered --failed--> failed',
  'starting --running--> running',
  'starting --stop--> stopping',
  'starting --failed--> failed',
  'starting --backoff--> backoff',
  'running --stop--> stopping',
  'running --failed--> failed',
  'running --backoff--> backoff',
  'backoff --start--> starting',
  'backoff --stopped--> stopped',
  'stopping --stopped--> stopped',
  'stopping --completed--> completed',
  'stopping --failed--> failed',
  'stopping --backoff--> backoff',
  'stopped --start--> starting',
  'stopped --failed--> failed',
  'completed --start--> starting',
  'completed --failed--> failed',
  'failed --start--> starting',
  'failed --failed--> failed',
];

const WORKER_MOVES = [
  'idle --start--> starting',
  'idle --stop--> stopped',
  'starting --looping--> running',
  'starting --failed--> failed',
  'starting --stop--> stopping',
  'starting --ended--> stopped',
  'running --stalled--> stalled',
  'running --failed--> failed',
  'running --stop--> stopping',
  'running --ended--> stopped',
  'running --completed--> completed',
  'stalled --failed--> failed',
  'stalled --stop--> stalled',
  'stalled --ended--> stopped',
  'stalled --completed--> completed',
  'stopping --stalled--> stalled',
  'stopping --failed--> failed',
  'stopping --ended--> stopped',
  'stopping --completed--> completed',
  'failed --start--> starting',
  'failed --failed--> failed',
  'failed --stop--> failed',
  'failed --ended--> failed',
  'completed --start--> starting',
  'completed --stop--> completed',
  'completed --ended--> completed',
];

function moves<S extends string, E extends string>(
  states: readonly S[],
  events: readonly E[],
  next: (state: S, event: E) => S | undefined,
): string[] {
  return states.flatMap((state) =>
    events.flatMap((event) => {
      const to = next(state, event);
      return to === undefined ? [] : [`${state} --${event}--> ${to}`];
    }),
  );
}

test('a group makes the moves listed here and no others', () => {
  const found = moves(GROUP_STATES, GROUP_EVENTS, nextGroupState);
  assert.deepEqual(found.sort(), [...GROUP_MOVES].sort());
});

test('a worker makes the moves listed here and no others', () => {
  const found = moves(WORKER_STATES, WORKER_EVENTS, nextWorkerState);
  assert.deepEqual(found.sort(), [...WORKER_MOVES].sort());
});

test('a group that is stopped, completed or failed leaves that state by a start, or by one that is refused', () => {
  for (const state of ['stopped', 'completed', 'failed'] satisfies GroupState[]) {
    const out = GROUP_EVENTS.filter((event) => nextGroupState(state, event) !== undefined);
    assert.deepEqual(out, ['start', 'failed'], state);
    assert.equal(nextGroupState(state, 'failed'), 'failed', 'no process comes of it');
  }
});

test('from every state a group can come to rest, and no state is out of reach', () => {
  const reachable = (from: GroupState) => {
    const seen = new Set<GroupState>([from]);
    for (const state of seen) {
      for (const event of GROUP_EVENTS) {
        const next = nextGroupState(state, event);
        if (next !== undefined) seen.add(next);
      }
    }
    return seen;
  };
  assert.deepEqual([...reachable('registered')].sort(), [...GROUP_STATES].sort());
  for (const state of GROUP_STATES) assert.ok(reachable(state).has('stopped'), state);
});

test('what runs and what does: only a group that starts, runs or stops may have a process', () => {
  assert.deepEqual(GROUP_STATES.filter(isActive), ['starting', 'running', 'stopping']);
});

test('a worker that was stopped does not come back in the same life of its group', () => {
  for (const event of WORKER_EVENTS) assert.equal(nextWorkerState('stopped', event), undefined, event);
});

test('a failure of a worker is not forgotten, whatever its thread does on its way out', () => {
  const seen = new Set<WorkerState>();
  for (const event of WORKER_EVENTS.filter((event) => event !== 'start')) {
    seen.add(nextWorkerState('failed', event) ?? 'failed');
  }
  assert.deepEqual([...seen], ['failed']);
});
