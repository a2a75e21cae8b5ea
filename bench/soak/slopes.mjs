import { median } from '../lib/stats.mjs';

/** Values are taken together over so long, at least: neighbours are no independent evidence. */
const BLOCK_SECONDS = 10;
/** Fewer blocks than this say nothing of a slope; short runs have shorter blocks. */
const LEAST_BLOCKS = 12;
/** Of the normal distribution: 99 % lie within, so one judgement in 200 is wrong when the slope is just at its bound. */
const Z = 2.576;

/**
 * The slope of a line through the values that a few wild ones do not turn (Theil-Sen: the median of the slopes of all
 * pairs), and the interval that it lies in with 99 % (Sen's, out of the spread of the same slopes).
 * @param {{ minutes: number, value: number }[]} points in order of time
 * @returns {{ slope: number, least: number, most: number }} by minute
 */
export function theilSen(points) {
  const slopes = points
    .flatMap((a, i) => points.slice(i + 1).map((b) => (b.value - a.value) / (b.minutes - a.minutes)))
    .sort((a, b) => a - b);
  const n = points.length;
  const reach = Z * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (index) => slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(index)))];
  return {
    slope: median(slopes),
    least: at((slopes.length - reach) / 2 - 1),
    most: at((slopes.length + reach) / 2),
  };
}

/**
 * One point for each stretch of time.
 * @param {(values: number[]) => number} of what stands for the values of a stretch
 */
export function blocks(points, of) {
  if (points.length < 2) return [];
  const begin = points[0].minutes;
  const minutes = points.at(-1).minutes - begin;
  const count = Math.max(LEAST_BLOCKS, Math.floor((minutes * 60) / BLOCK_SECONDS));
  const values = Array.from({ length: count }, () => []);
  for (const { minutes: at, value } of points)
    values[Math.min(count - 1, Math.floor(((at - begin) / minutes) * count))].push(value);
  return values.flatMap((all, i) =>
    all.length === 0 ? [] : [{ minutes: begin + ((i + 0.5) * minutes) / count, value: of(all) }],
  );
}
