// What an iteration costs: the loop of a worker beside a pool that is given each iteration as a task, beside the same loop
// in Python, and beside a loop that only reads the clock.

import { bareRate } from '../lib/loops/bare.mjs';
import { stepsOf } from '../lib/loops/functions.mjs';
import { ourRate, withLoops } from '../lib/loops/ours.mjs';
import { noPython, pythonRate, pythonStepsOf } from '../lib/loops/python.mjs';
import { POOLS, taskRate } from './pools.mjs';

const SECONDS = 0.8;
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
    'Iterations a second of all workers together. parallel-workers: the loop in the threads, each call counted and timed; by ' +
    'the exact count of the service after a stop, over the time from setup to teardown in the workers. The pools are made ' +
    'for tasks that are sent to them, not for a loop: each iteration is a task, with as many in flight as serves the pool ' +
    'best and the options with which it was fastest, and the thread that sends them takes part of the two cores. Python: the ' +
    'loop of Caffe2 in threads, time.time() around each call, sum and count kept in one dict, for which Caffe2 takes no lock. ' +
    'The bare loop is the limit: it calls the function and reads the clock once, and does nothing else. All of JavaScript ' +
    'call the same functions, with the same number of steps of arithmetic, which is measured once. Python has steps of its ' +
    'own, chosen to take about as long: compare it with itself, 2 workers with 1, rather than with JavaScript.',
  loses:
    'The bare loop is faster: it keeps no histogram, hears no stop and lets no timer of its thread run. With a millisecond of ' +
    'work in each iteration it hardly matters who calls the function: who has such iterations need not choose by this. And a ' +
    'pool hands each task its data and hands back its result, which a worker group does not.',

  async measure(bench) {
    const functions = bench.quick ? FUNCTIONS.slice(0, 1) : FUNCTIONS;
    await withLoops(async (service) => {
      for (const each of functions) {
        const { microseconds } = each;
        const argument = microseconds && stepsOf(microseconds);
        const pythonArgument = microseconds && (await pythonStepsOf(microseconds));
        for (const workers of [2, 1])
          await compare(bench, service, { ...each, argument, pythonArgument, workers });
      }
    });
  },
};

async function compare(bench, service, { id, title, name, argument, pythonArgument, workers }) {
  const seconds = bench.seconds(SECONDS);
  const how = { name, argument, workers, seconds };
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
  const python = (id, name, locked = false) => ({
    id,
    name,
    ...(noPython && { skip: noPython }),
    measure: () => pythonRate({ ...how, argument: pythonArgument, locked }),
  });
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
        python('python', 'Python threads, the loop of Caffe2'),
        ...(isEmpty ? [python('python-locked', 'Python threads, the loop of Caffe2 with a lock', true)] : []),
        {
          id: 'bare',
          name: 'the limit: a bare loop that reads the clock',
          limit: true,
          measure: () => bareRate(how),
        },
      ],
      ratios: [
        ratio('bare', 'the limit', isEmpty && workers === 1),
        ratio(
          POOLS.map(({ id }) => id),
          'the best pool',
          isEmpty && workers === 2,
        ),
        ...POOLS.map((pool) => ratio(pool.id, pool.id)),
        // Its arithmetic is not ours.
        ...(argument === undefined ? [ratio('python', 'Python threads')] : []),
      ],
    });
  } finally {
    for (const pool of pools.values()) await pool.end();
  }
}
