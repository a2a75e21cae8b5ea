// How many tasks in flight serve each pool best, with an empty function: node bench/iterations/in-flight.mjs
import { median } from '../lib/stats.mjs';
import { POOLS, taskRate } from './pools.mjs';

const THREADS = 2;
const NUMBERS = [2, 8, 32, 128, 512, 2048];
const ROUNDS = 5;
const SECONDS = 0.3;

for (const { name, open } of POOLS) {
  const pool = open('empty', THREADS);
  const rates = new Map(NUMBERS.map((inFlight) => [inFlight, []]));
  await taskRate(pool, { inFlight: 32, seconds: SECONDS });
  for (let round = 0; round < ROUNDS; round++)
    for (const [inFlight, each] of rates) each.push(await taskRate(pool, { inFlight, seconds: SECONDS }));
  await pool.end();
  console.log(name);
  for (const [inFlight, each] of rates)
    console.log(`  ${String(inFlight).padStart(5)} in flight: ${Math.round(median(each))} tasks/s`);
}
