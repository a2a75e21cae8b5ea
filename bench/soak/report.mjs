import { figure } from '../lib/stats.mjs';
import { BOUNDS, MOST_LIVE_MIB } from './bounds.mjs';

/** What there is now, on one line. */
export function status({ samples, client, cycles }) {
  const now = samples.at(-1);
  if (now === undefined) return 'no sample was taken';
  const values = BOUNDS.flatMap(({ key, name, unit }) =>
    now[key] === undefined ? [] : [`${name} ${figure(now[key])}${unit && ` ${unit}`}`],
  );
  const done = cycles && Object.entries(cycles).map(([lane, count]) => `${count} ${lane}`);
  return (
    `${now.minutes.toFixed(1)} min, ${client.calls} calls${done ? ` (cycles: ${done.join(', ')})` : ''}; ` +
    `now ${values.join(', ')}`
  );
}

/** The slopes, with the interval that each lies in with 99 %, and its bound. */
export function printSlopes(verdicts) {
  console.log(
    '\nslope by minute, the first fifth of the run left out; in brackets what it is with 99 %: the least of that counts, so a ' +
      'short run finds large leaks only',
  );
  for (const { name, unit, bound, slope, least, most, first, last, failed } of verdicts) {
    const title = `  ${name}${unit && `, ${unit}`}`.padEnd(38);
    if (slope === undefined) {
      console.log(`${title} FAILED: too few samples, or none of it`);
      continue;
    }
    console.log(
      `${title} ${signed(slope).padStart(8)}  (${signed(least)} to ${signed(most)}; from ${figure(first)} to ${figure(last)}), ` +
        `at most ${figure(bound)}: ${failed ? 'FAILED' : 'ok'}`,
    );
  }
}

/** @returns {boolean} whether something is left */
export function printCounts(before, after) {
  console.log('\nwithout a group, at the beginning and at the end');
  let left = false;
  for (const { key, name } of BOUNDS.filter(({ key }) => key in before)) {
    const more = after[key] > before[key];
    left ||= more;
    console.log(`  ${name}`.padEnd(38), `${before[key]}, ${after[key]}: ${more ? 'FAILED' : 'ok'}`);
  }
  return left;
}

/** @returns {boolean} whether it is too much more */
export function printLive(before, after) {
  const failed = !(after - before <= MOST_LIVE_MIB);
  console.log(
    '  alive after a collection, MiB'.padEnd(38),
    `${figure(before)}, ${figure(after)}, at most ${MOST_LIVE_MIB} more: ${failed ? 'FAILED' : 'ok'} (with its journals of events and logs)`,
  );
  return failed;
}

function signed(value) {
  return `${value < 0 ? '-' : '+'}${figure(Math.abs(value))}`;
}
