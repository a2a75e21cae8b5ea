import { useState } from 'preact/hooks';
import type { GroupStatus } from '../../schemas/group-status.js';
import { Field } from './field.js';
import { FormDialog } from './form-dialog.js';
import { useServices } from './services.js';

/** Asks how many workers there are to be. */
export function ScaleDialog({ group, onClose }: { group: GroupStatus; onClose: () => void }) {
  const { commands } = useServices();
  const [workers, setWorkers] = useState(String(group.spec.workers));
  const [error, setError] = useState<string>();

  async function send(): Promise<string | undefined> {
    const wrong = /^[1-9]\d*$/.test(workers.trim())
      ? await commands.scale(group.name, Number(workers))
      : 'must be a whole number from 1 on';
    setError(wrong);
    return wrong;
  }

  return (
    <FormDialog
      title={`Scale ${group.name}`}
      submit={['Scale', 'Scaling …']}
      send={send}
      failure={`Could not scale ${group.name}.`}
      onClose={onClose}
    >
      <Field
        label="Workers"
        value={workers}
        onValue={setWorkers}
        error={error}
        hint="Of a group that runs, only the difference is started or stopped."
        input={{ inputMode: 'numeric' }}
      />
    </FormDialog>
  );
}
