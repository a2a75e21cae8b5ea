import { shownSeconds } from '../model/axes.js';
import type { Measure, Series } from '../model/series.js';
import { highest, sparkPath } from '../model/spark.js';

const [WIDTH, HEIGHT] = [96, 24];
const MOST_SECONDS = 120;

interface SparkProps {
  readonly series: Series;
  /** Drawn on one scale, the first in front. */
  readonly measures: readonly Measure[];
}

/** A small plot of the last two minutes; the present values stand beside it in words. */
export function Spark({ series, measures }: SparkProps) {
  const { times } = series;
  const columns = measures.map((measure) => series.column(measure));
  const box = {
    width: WIDTH,
    height: HEIGHT - 2,
    until: times.at(-1) ?? 0,
    span: shownSeconds(times, MOST_SECONDS),
    top: highest(...columns),
  };
  return (
    <svg class="spark" viewBox={`0 -1 ${WIDTH} ${HEIGHT}`} aria-hidden="true" preserveAspectRatio="none">
      {columns
        .map((column, i) => <path key={measures[i]} class={`line-${i}`} d={sparkPath(times, column, box)} />)
        .toReversed()}
    </svg>
  );
}
