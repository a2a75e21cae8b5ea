// Measured iterations a second of an empty function, by two workers: a loop in each thread against one pool task
// per iteration. Interleaved, so that whatever else the machine does meets both.
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { row, withService } from './support.mjs';

const ROUNDS = 5;
const ROUND_MS = 2_000;
/** Tasks under way at a time: enough to keep both threads fed. */
const IN_FLIGHT = 64;

export async function iterations() {
  const ours = [];
  const tasks = [];
  await withService(async (service) => {
    await service.register({ name: 'empty', module: 'empty.mjs', workers: 2 });
    const pool = new Piscina({
      filename: fileURLToPath(new URL('./empty-task.mjs', import.meta.url)),
      minThreads: 2,
      maxThreads: 2,
    });
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(await ourRate(service));
      tasks.push(await taskRate(pool));
    }
    await pool.destroy();
  });
  row('parallel-workers, 2 workers', ours, 'iterations/s');
  row('one Piscina task per iteration, 2 threads', tasks, 'iterations/s');
  row(
    'ratio',
    ours.map((rate, i) => rate / tasks[i]),
    'x',
  );
}

/** By the service's own count, exact after a stop, over the time that its loops were running. */
async function ourRate(service) {
  const before = (await service.status('empty')).totals.iterations;
  await service.start('empty');
  const startedAt = performance.now();
  await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
  const stopping = service.stop('empty');
  const seconds = (performance.now() - startedAt) / 1000;
  await stopping;
  return ((await service.status('empty')).totals.iterations - before) / seconds;
}

async function taskRate(pool) {
  let count = 0;
  const startedAt = performance.now();
  const end = startedAt + ROUND_MS;
  const lane = async () => {
    while (performance.now() < end) {
      await pool.run(undefined);
      count++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return count / ((performance.now() - startedAt) / 1000);
}
