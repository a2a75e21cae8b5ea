import type { GroupStatus } from '../../schemas/group-status.js';
import { type Command, isPossible, UNDER_WAY } from '../model/commands.js';
import { useServices } from './services.js';
import { useChanges } from './use-changes.js';

interface CommandButtonProps {
  readonly command: Command;
  readonly group: GroupStatus;
  /** What it does instead of the command, such as asking first. */
  readonly onPress?: () => void;
  readonly label?: string;
}

/** A button that sends a command, and shows that it is under way. It keeps the focus when it can do nothing now. */
export function CommandButton({ command, group: { name, state }, onPress, label }: CommandButtonProps) {
  const { commands } = useServices();
  useChanges(commands);
  const underWay = commands.underWay(name).includes(command);
  const off = underWay || !isPossible(command, state);
  const text = label ?? `${command[0]?.toUpperCase()}${command.slice(1)}`;
  return (
    <button
      type="button"
      class={command}
      aria-disabled={off}
      onClick={() => {
        if (off) return;
        if (onPress === undefined) void commands.run(command, name);
        else onPress();
      }}
    >
      {underWay ? UNDER_WAY[command] : text}
      <span class="unseen"> {name}</span>
    </button>
  );
}
