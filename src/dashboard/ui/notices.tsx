import { useServices } from './services.js';
import { useChanges } from './use-changes.js';

/** What went wrong with commands, until it is put away. */
export function Notices() {
  const { commands } = useServices();
  useChanges(commands);
  return (
    <div role="alert" class="notices">
      {commands.notices.map(({ key, text }) => (
        <div key={key} class="notice">
          <p>{text}</p>
          <button type="button" class="plain" aria-label="Dismiss" onClick={() => commands.putAway(key)}>
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
