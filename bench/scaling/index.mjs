// What a second worker brings to work that needs the processor alone.

import { bareRate } from '../lib/loops/bare.mjs';
import { stepsOf } from '../lib/loops/functions.mjs';
import { ourRate, withLoops } from '../lib/loops/ours.mjs';
import { noPython, pythonRate, pythonStepsOf } from '../lib/loops/python.mjs';

const MICROSECONDS = 200;
const SECONDS = 1.2;

export default {
  title: 'Scaling',
  about:
    `Calls a second of a function of ${MICROSECONDS} microseconds of arithmetic, with 1 and with 2 workers, and their ratio in ` +
    'each round. Within a round it is 1, 2, 2, 1 workers, so that a machine that becomes slower or faster meanwhile counts ' +
    'for both. The Python threads and processes run the loop of Caffe2; the Node.js threads and processes run a bare loop that ' +
    'only reads the clock: what they have of a second core is what this machine has to give. Calls a second of Python and of ' +
    'Node.js are not comparable with each other: each language has steps of its own, chosen to take about as long.',
  loses:
    'The service and the reports of its hosts take time of the same two cores; bare processes have nobody who watches them.',

  async measure(bench) {
    const how = { name: 'spin', argument: stepsOf(MICROSECONDS), seconds: bench.seconds(SECONDS) };
    const python = { ...how, argument: await pythonStepsOf(MICROSECONDS) };
    await withLoops((service) =>
      bench.compare({
        id: 'second-worker',
        title: `A function of ${MICROSECONDS} microseconds of arithmetic, 1 and 2 workers`,
        metrics: [
          { key: 'ratio', name: 'throughput of 2 workers to 1', unit: 'times', better: 'higher' },
          { key: 'one', name: 'calls, 1 worker', unit: '1/s', better: 'higher' },
          { key: 'two', name: 'calls, 2 workers', unit: '1/s', better: 'higher' },
        ],
        contenders: [
          contender('ours', 'parallel-workers', (workers) => ourRate(service, { ...how, workers })),
          contender(
            'python-threads',
            'Python threads',
            (workers) => pythonRate({ ...python, workers }),
            noPython,
          ),
          contender(
            'python-processes',
            'Python, a process per worker',
            (workers) => pythonRate({ ...python, workers, processes: true }),
            noPython,
          ),
          contender('node-threads', 'Node.js, bare loops in threads', (workers) =>
            bareRate({ ...how, workers }),
          ),
          contender('node-processes', 'Node.js, a process with a bare loop per worker', (workers) =>
            bareRate({ ...how, workers, processes: true }),
          ),
        ],
        ratios: [
          ratio('node-processes', 'a process per worker in Node.js'),
          ratio('python-processes', 'a process per worker in Python'),
          ratio('python-threads', 'Python threads'),
        ],
      }),
    );
  },
};

function contender(id, name, rate, skip) {
  return {
    id,
    name,
    ours: id === 'ours',
    ...(skip && { skip }),
    async measure() {
      const sums = { 1: 0, 2: 0 };
      for (const workers of [1, 2, 2, 1]) sums[workers] += await rate(workers);
      return { one: sums[1] / 2, two: sums[2] / 2, ratio: sums[2] / sums[1] };
    },
  };
}

function ratio(to, peer) {
  return {
    id: `ours-to-${to}`,
    name: `ours to ${peer}: what a second worker brings`,
    metric: 'ratio',
    of: 'ours',
    to,
  };
}
