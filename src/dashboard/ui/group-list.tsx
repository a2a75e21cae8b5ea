import type { GroupView } from '../model/history.js';
import { FirstGroup } from './first-group.js';
import { GroupRow } from './group-row.js';
import { useServices } from './services.js';

/** All groups, one line each. */
export function GroupList({ views }: { views: readonly GroupView[] }) {
  const { session } = useServices();
  if (views.length === 0) return session.hasSeen ? <FirstGroup /> : <p class="quiet waits">Loading …</p>;
  const fed = views.some(({ group }) => group.feed !== null);
  return (
    <table class={`groups ${fed ? 'fed' : ''}`}>
      <caption class="unseen">Worker groups</caption>
      <thead>
        <tr>
          <th scope="col">Group</th>
          <th scope="col">State</th>
          <th scope="col" class="number">
            Workers
          </th>
          <th scope="col">Iterations/s</th>
          <th scope="col">Worker time: median, p99</th>
          {fed && <th scope="col">Feed</th>}
          <th scope="col" class="number">
            Memory
          </th>
          <th scope="col">
            <span class="unseen">Commands</span>
          </th>
          <th scope="col" class="unseen">
            Remarks
          </th>
        </tr>
      </thead>
      <tbody>
        {views.map((view) => (
          <GroupRow key={view.group.name} view={view} fed={fed} />
        ))}
      </tbody>
    </table>
  );
}
