// Runs the benchmarks, all or those named on the command line, and prints a table for each.
import { feed } from './feed.mjs';
import { iterations } from './iterations.mjs';
import { latency } from './latency.mjs';
import { startStop } from './start-stop.mjs';
import { watchers } from './watchers.mjs';

const benchmarks = { iterations, 'start-stop': startStop, latency, feed, watchers };
const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => !(name in benchmarks));
if (unknown !== undefined) {
  console.error(`There is no benchmark "${unknown}"; there are: ${Object.keys(benchmarks).join(', ')}`);
  process.exit(2);
}
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  await benchmark();
}
