import { count, duration, memory, NOTHING, rate } from '../../readings/quantities.js';
import { numbersOf } from '../model/group-text.js';
import type { GroupView } from '../model/history.js';
import { Plot } from './plot.js';

const mebibytes = (value: number) => memory(value * 2 ** 20);
const percent = (share: number) => `${Math.round(100 * share)} %`;

/** The last minutes of a group. */
export function GroupPlots({ view }: { view: GroupView }) {
  const { group, series } = view;
  const numbers = numbersOf(view);
  return (
    <section class="plots" aria-label="The last minutes">
      <Plot
        title="Iterations per second"
        series={series}
        lines={[{ measure: 'perSecond', name: '', now: numbers.perSecond }]}
        format={rate}
      />
      <Plot
        title={group.feed === null ? 'Worker time' : 'Worker time, waits for the trainer included'}
        series={series}
        lines={[
          { measure: 'median', name: 'median', now: numbers.median },
          { measure: 'p99', name: 'p99', now: numbers.p99 },
        ]}
        format={duration}
        logarithmic
      />
      {group.feed !== null && (
        <>
          <Plot
            key={group.feed.capacity}
            title="Items in the feed"
            series={series}
            lines={[{ measure: 'feedDepth', name: '', now: numbers.feedDepth ?? NOTHING }]}
            format={count}
            top={group.feed.capacity}
          />
          <Plot
            title="Items taken per second"
            series={series}
            lines={[{ measure: 'itemsPerSecond', name: '', now: numbers.itemsPerSecond }]}
            format={rate}
          />
          <Plot
            title="Who waits, share of the last minute"
            series={series}
            lines={[
              { measure: 'takeWaitShare', name: 'trainer', now: numbers.trainerWaits },
              { measure: 'putWaitShare', name: 'workers', now: numbers.workersWait },
            ]}
            format={percent}
            top={1}
          />
        </>
      )}
      <Plot
        title="Memory"
        series={series}
        lines={[{ measure: 'memoryMib', name: '', now: numbers.memory }]}
        format={mebibytes}
      />
    </section>
  );
}
