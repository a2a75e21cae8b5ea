/** All benchmarks, in the order in which they run and are reported. */
export const NAMES = [
  'iterations',
  'scaling',
  'start-stop',
  'control-plane',
  'scrape',
  'memory',
  'feed',
  'watchers',
];

export const USAGE = `npm run bench -- [NAME...] [OPTIONS]

Benchmarks: ${NAMES.join(', ')}; all of them without a name.

  --quick       shorter rounds, fewer sizes: what CI runs
  --rounds N    rounds of each comparison (5)
  --json FILE   writes what was measured to FILE
  --check       fails when a guarded ratio to a peer is worse than half of the recorded one, three times in a row
  --record      keeps what was measured in bench/results.json, and makes docs/benchmarks.md anew
  --report      makes docs/benchmarks.md of bench/results.json, and measures nothing
`;
