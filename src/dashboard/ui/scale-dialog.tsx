import { useState } from 'preact/hooks';
import type { GroupStatus } from '../../schemas/group-status.js';
import { Dialog } from './dialog.js';
import { Field } from './field.js';
import { useServices } from './services.js';

/** Asks how many workers there are to be. */
export function ScaleDialog({ group, onClose }: { group: GroupStatus; onClose: () => void }) {
  const { commands } = useServices();
  const [workers, setWorkers] = useState(String(group.spec.workers));
  const [error, setError] = useState<string>();
  return (
    <Dialog title={`Scale ${group.name}`} onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!/^[1-9]\d*$/.test(workers.trim())) return setError('must be a whole number from 1 on');
          void commands.scale(group.name, Number(workers)).then((wrong) => {
            setError(wrong);
            if (wrong === undefined) onClose();
          });
        }}
      >
        <Field
          label="Workers"
          value={workers}
          onValue={setWorkers}
          error={error}
          hint="Of a group that runs, only the difference is started or stopped."
          input={{ inputMode: 'numeric' }}
        />
        <div class="buttons">
          <button type="button" class="plain" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Scale
          </button>
        </div>
      </form>
    </Dialog>
  );
}
