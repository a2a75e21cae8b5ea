import { remarksOf } from '../../readings/group-words.js';
import { age, NOTHING } from '../../readings/quantities.js';
import { mainCommand } from '../model/commands.js';
import { numbersOf } from '../model/group-text.js';
import type { GroupView } from '../model/history.js';
import { groupHash } from '../model/route.js';
import { toneOf } from '../model/tone.js';
import { CommandButton } from './command-button.js';
import { useServices } from './services.js';
import { Spark } from './spark.js';
import { StateMark } from './state-mark.js';

/** A group in the list of all. */
export function GroupRow({ view, fed }: { view: GroupView; fed: boolean }) {
  const { clock } = useServices();
  const { group, series } = view;
  const { name, state, desired, spec } = group;
  const numbers = numbersOf(view);
  const remarks = remarksOf(group, clock.now());
  return (
    <tr class={`tone-${toneOf(state)}`}>
      <th scope="row">
        <a href={groupHash(name)}>{name}</a>
        <span class="module">{spec.module}</span>
      </th>
      <td class="state-cell" data-label="State">
        <StateMark state={state} />
        <span class="since">
          {age(clock.since(group.since))}, desired {desired}
        </span>
      </td>
      <td class="number" data-label="Workers">
        {numbers.workers}
      </td>
      <td class="plotted" data-label="Iterations/s">
        <span class="value">{numbers.perSecond}</span>
        <Spark series={series} measures={['perSecond']} />
      </td>
      <td class="plotted" data-label="Worker time">
        <span class="value">
          {numbers.median}
          {numbers.p99 !== NOTHING && <small>p99 {numbers.p99}</small>}
        </span>
        <Spark series={series} measures={['median', 'p99']} />
      </td>
      {fed && (
        <td class={`feed ${group.feed === null ? 'none' : ''}`} data-label="Feed">
          {numbers.feedDepth ?? NOTHING}
          {numbers.waits !== null && <small>{numbers.waits}</small>}
        </td>
      )}
      <td class="number" data-label="Memory">
        {numbers.memory}
      </td>
      <td class="commands">
        <CommandButton command={mainCommand(state)} group={group} />
      </td>
      <td class="remarks">
        {remarks.map((remark) => (
          <p key={remark}>{remark}</p>
        ))}
      </td>
    </tr>
  );
}
