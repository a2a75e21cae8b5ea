import type { GroupStatus } from '../../schemas/group-status.js';
import { groupHash } from '../model/route.js';
import { Dialog } from './dialog.js';
import { useServices } from './services.js';

/** Asks whether a group is really to be forgotten. */
export function DeleteDialog({ group, onClose }: { group: GroupStatus; onClose: () => void }) {
  const { commands } = useServices();
  const { name, origin } = group;

  async function remove() {
    onClose();
    // Who has gone elsewhere meanwhile stays there.
    if ((await commands.run('delete', name)) && location.hash === groupHash(name)) location.hash = '#/';
  }

  return (
    <Dialog title={`Delete ${name}?`} onClose={onClose}>
      <p>Its workers are stopped, and the group is forgotten with its spec, its counters and its log.</p>
      {origin === 'file' && <p>It is in the groups file: the next reload brings it back.</p>}
      <div class="buttons">
        <button type="button" class="plain" onClick={onClose}>
          Keep it
        </button>
        <button type="button" class="danger" onClick={() => void remove()}>
          Delete {name}
        </button>
      </div>
    </Dialog>
  );
}
