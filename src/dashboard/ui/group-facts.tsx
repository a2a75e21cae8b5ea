import { count } from '../../readings/quantities.js';
import { numbersOf } from '../model/group-text.js';
import type { GroupView } from '../model/history.js';

/** The numbers of a group in words. */
export function GroupFacts({ view }: { view: GroupView }) {
  const { group } = view;
  const { totals, feed, spec } = group;
  const numbers = numbersOf(view);
  const facts: [name: string, value: string][] = [
    ['Workers', numbers.workers],
    ['Iterations', count(totals.iterations)],
    ['Errors', count(totals.errors)],
    ['Restarts', count(totals.restarts)],
    ['Stalls', count(totals.stalls)],
    ['Killed', count(totals.killed)],
    ['CPU', numbers.cpu],
    ['Memory', numbers.memory],
    ...(feed === null
      ? []
      : ([
          ['Feed', numbers.feedDepth ?? ''],
          ['Items taken', count(feed.takenItems)],
          ['Trainer waits', numbers.trainerWaits],
          ['Workers wait', numbers.workersWait],
        ] as [string, string][])),
    ['Module', spec.module],
  ];
  const labels = Object.entries(spec.labels);
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {labels.length > 0 && (
        <ul class="labels" aria-label="Labels">
          {labels.map(([key, value]) => (
            <li key={key}>
              {key}={value}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
