import type { GroupStatus } from '../../schemas/group-status.js';
import { isGoingOn, isPossible, UNDER_WAY } from '../model/commands.js';
import { useServices } from './services.js';
import { useChanges } from './use-changes.js';

/** What asks first says what it does instead of the command. */
type CommandButtonProps = {
  readonly group: GroupStatus;
  readonly label?: string;
} & (
  | { readonly command: 'start' | 'stop' | 'restart' }
  | { readonly command: 'scale' | 'delete'; readonly onPress: () => void }
);

/** A button that sends a command, and shows that it is under way. It keeps the focus when it can do nothing now. */
export function CommandButton(props: CommandButtonProps) {
  const {
    command,
    group: { name, state },
    label,
  } = props;
  const { commands } = useServices();
  useChanges(commands);
  const underWay = commands.underWay(name).includes(command) || isGoingOn(command, state);
  const off = underWay || !isPossible(command, state);
  const text = label ?? `${command[0]?.toUpperCase()}${command.slice(1)}`;
  return (
    <button
      type="button"
      class={command}
      aria-disabled={off}
      onClick={() => {
        if (off) return;
        if ('onPress' in props) props.onPress();
        else void commands.run(props.command, name);
      }}
    >
      {underWay ? UNDER_WAY[command] : text}
      <span class="unseen"> {name}</span>
    </button>
  );
}
