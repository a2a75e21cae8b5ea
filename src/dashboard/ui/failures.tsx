import type { GroupStatus } from '../../schemas/group-status.js';
import { Moment } from './moment.js';

/** The last failures of a group, the newest first; nothing when there are none. */
export function Failures({ group: { failures } }: { group: GroupStatus }) {
  if (failures.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="failures-title">
      <h3 id="failures-title">Last failures</h3>
      <ol class="events">
        {failures.toReversed().map(({ at, kind, reason }, i) => (
          <li key={`${at}-${i}`} class="tone-bad">
            <Moment at={at} />
            <span class="name">{kind}</span>
            <span class="text">{reason}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
