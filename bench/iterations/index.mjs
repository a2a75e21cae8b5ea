// What an iteration costs: the loop of a worker beside a pool that is given each iteration as a task, beside the same loop
// in Python, and beside a loop that only reads the clock.

import { bareRate } from '../lib/loops/bare.mjs';
import { stepsOf } from '../lib/loops/functions.mjs';
import { ourRate, withLoops } from '../lib/loops/ours.mjs';
import { noPython, pythonRate } from '../lib/loops/python.mjs';
import { POOLS, taskRate } from './pools.mjs';

const SECONDS = 0.6;
const WARM_UP_SECONDS = 0.2;

const FUNCTIONS = [
  { id: 'empty', title: 'an empty function', name: 'empty' },
  { id: 'empty-async', title: 'an empty async function', name: 'emptyAsync' },
  { id: '10us', title: '10 microseconds of arithmetic', name: 'spin', microseconds: 10 },
  { id: '1ms', title: '1 ms of arithmetic', name: 'spin', microseconds: 1000 },
];

export default {
  title: 'Cost of an iteration',
  about:
    'Iterations a second of all workers together, each call counted and timed. parallel-workers: the loop in the thread, by ' +
    'the exact count of the service after a stop, over the time from setup to teardown in the workers. The pools are made ' +
    'for tasks that are sent to them, not for a loop: each iteration is a task, with as many in flight as serves the pool ' +
    'best, and the thread that sends them takes part of the two cores; they count tasks, but time none of them for the ' +
    'user. Python: the loop of Caffe2 in threads, time.time() around each call, sum and count kept in one dict, under a lock ' +
    'that Caffe2 does without. The bare loop calls the function and reads the clock once, and does nothing else: no loop ' +
    'that times its calls can be faster. All of JavaScript call the same functions, with the same number of steps of ' +
    'arithmetic, measured once at the beginning; Python has steps of its own that take as long.',
  loses:
    'Nothing is as fast as the bare loop, which keeps no histogram, hears no stop and lets no timer of its thread run. From ' +
    'a millisecond of work on the contenders in JavaScript are alike: who has such iterations need not choose by this. A ' +
    'pool takes tasks with their data from the main thread and gives back results, which a worker group does not.',

  async measure(bench) {
    const functions = bench.quick ? FUNCTIONS.slice(0, 1) : FUNCTIONS;
    await withLoops(async (service) => {
      for (const each of functions)
        for (const workers of [2, 1]) await compare(bench, service, { ...each, workers });
    });
  },
};

async function compare(bench, service, { id, title, name, microseconds, workers }) {
  const seconds = bench.seconds(SECONDS);
  const argument = microseconds && stepsOf(microseconds);
  const how = { name, argument, microseconds, workers, seconds };
  const what = `${title}, ${workers === 1 ? '1 worker' : `${workers} workers`}`;
  const pools = new Map();

  /** Pools stay from round to round, warm; idle they take no time of others. */
  const poolRate = async ({ id, inFlight, open }) => {
    if (!pools.has(id)) {
      pools.set(id, open(name, workers));
      await taskRate(pools.get(id), { inFlight, argument, seconds: WARM_UP_SECONDS });
    }
    return taskRate(pools.get(id), { inFlight, argument, seconds });
  };
  const ratio = (to, peer, guarded = false) => ({
    id: `ours-to-${typeof to === 'string' ? to : 'best-pool'}`,
    name: `ours to ${peer}: iterations of ${what}`,
    metric: 'rate',
    of: 'ours',
    to,
    guarded,
  });

  const isEmpty = name === 'empty';
  try {
    await bench.compare({
      id: `${id}-${workers}`,
      title: `Iterations of ${what}`,
      metrics: [{ key: 'rate', name: 'iterations', unit: '1/s', better: 'higher' }],
      contenders: [
        { id: 'ours', name: 'parallel-workers', ours: true, measure: () => ourRate(service, how) },
        ...POOLS.map((pool) => ({ id: pool.id, name: pool.name, measure: () => poolRate(pool) })),
        {
          id: 'python',
          name: 'Python threads, the loop of Caffe2',
          ...(noPython && { skip: noPython }),
          measure: () => pythonRate(how),
        },
        { id: 'bare', name: 'the limit: a bare loop that reads the clock', measure: () => bareRate(how) },
      ],
      ratios: [
        ratio('bare', 'the limit', isEmpty),
        ratio(
          POOLS.map(({ id }) => id),
          'the best pool',
          isEmpty && workers === 2,
        ),
        ...POOLS.map((pool) => ratio(pool.id, pool.id, isEmpty && workers === 2)),
        ratio('python', 'Python threads'),
      ],
    });
  } finally {
    for (const pool of pools.values()) await pool.end();
  }
}
