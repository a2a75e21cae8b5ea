import type { GroupState, WorkerState } from '../../schemas/states.js';
import { markOf, toneOf } from '../model/tone.js';

/** A state, by its name, a colour and a shape. */
export function StateMark({ state }: { state: GroupState | WorkerState }) {
  return (
    <span class={`state tone-${toneOf(state)}`}>
      <span class="mark" aria-hidden="true">
        {markOf(state)}
      </span>
      {state}
    </span>
  );
}
