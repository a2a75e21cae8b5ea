import { useState } from 'preact/hooks';
import type { GroupStatus } from '../../schemas/group-status.js';
import { CommandButton } from './command-button.js';
import { DeleteDialog } from './delete-dialog.js';
import { ScaleDialog } from './scale-dialog.js';

/** What can be done with a group. */
export function GroupCommands({ group }: { group: GroupStatus }) {
  const [asked, setAsked] = useState<'scale' | 'delete'>();
  const close = () => setAsked(undefined);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is of a form.
    <div class="buttons" role="group" aria-label={`Commands for ${group.name}`}>
      <CommandButton command="start" group={group} />
      <CommandButton command="stop" group={group} />
      <CommandButton command="restart" group={group} />
      <CommandButton command="scale" label="Scale …" group={group} onPress={() => setAsked('scale')} />
      <CommandButton command="delete" label="Delete …" group={group} onPress={() => setAsked('delete')} />
      {asked === 'scale' && <ScaleDialog group={group} onClose={close} />}
      {asked === 'delete' && <DeleteDialog group={group} onClose={close} />}
    </div>
  );
}
