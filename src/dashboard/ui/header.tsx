import type { GroupState } from '../../schemas/states.js';
import { markOf, toneOf } from '../model/tone.js';
import { useServices } from './services.js';

interface HeaderProps {
  /** How many groups are in each state. */
  readonly states: readonly (readonly [state: GroupState, groups: number])[];
  readonly onRegister: () => void;
}

/** What the page is, how things are, and what can be done anywhere. */
export function Header({ states, onRegister }: HeaderProps) {
  const { session, tokens } = useServices();
  return (
    <header class="top">
      <h1>
        <a href="#/">parallel-workers</a>
      </h1>
      <p class="summary">
        {states.map(([state, groups]) => (
          <span key={state} class={`tone-${toneOf(state)}`}>
            <span class="mark" aria-hidden="true">
              {markOf(state)}
            </span>{' '}
            {groups} {state}{' '}
          </span>
        ))}
      </p>
      <div class="buttons">
        {tokens.current !== undefined && session.connection.kind !== 'locked' && (
          <button type="button" class="plain" onClick={() => session.forgetToken()}>
            Forget token
          </button>
        )}
        <a class="button plain" href="./docs" target="_blank" rel="noreferrer">
          API
        </a>
        <button type="button" class="primary" onClick={onRegister}>
          Register a group
        </button>
      </div>
    </header>
  );
}
