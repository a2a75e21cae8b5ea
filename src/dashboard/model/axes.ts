import { KEEP_SECONDS } from './series.js';

/** While a page is young its plots show less than they keep: half a minute at first. */
const LEAST_SECONDS = 30;

/** How many seconds a plot of these moments shows; at most so many. */
export function shownSeconds(times: ArrayLike<number>, most = KEEP_SECONDS): number {
  const span = times.length === 0 ? 0 : (times[times.length - 1] ?? 0) - (times[0] ?? 0);
  return Math.min(most, Math.max(LEAST_SECONDS, span));
}

/** Ticks of a logarithmic axis, ascending: powers of ten, and with less than two of them 2 and 5 times these. */
export function logarithmicTicks(min: number, max: number): number[] {
  const [from, to] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  const steps = Math.log10(max / min) < 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = from; power <= to; power++)
    for (const step of steps) {
      const tick = step * 10 ** power;
      if (tick >= min && tick <= max) ticks.push(tick);
    }
  return ticks;
}
