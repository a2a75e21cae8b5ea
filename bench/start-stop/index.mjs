import { inTime } from '../lib/presence.mjs';
import { median } from '../lib/stats.mjs';
import { supervisordMissing } from '../lib/supervisord.mjs';
import { pause, withOurs, withPm2, withSupervisord } from './contenders.mjs';
import { compareKills } from './kills.mjs';

/** How long workers run before they are stopped: whatever follows a start is over. */
const RUN_MS = 100;

const METRICS = [
  { key: 'inLoop', name: 'start, until every worker is in its loop', unit: 'ms', better: 'lower' },
  { key: 'started', name: 'start, until the call is answered', unit: 'ms', better: 'lower' },
  { key: 'gone', name: 'stop, until every worker is gone', unit: 'ms', better: 'lower' },
  { key: 'stopped', name: 'stop, until the call is answered', unit: 'ms', better: 'lower' },
];

export default {
  title: 'Start and stop',
  about:
    'Workers sleep 1 ms, again and again. When every worker is in its loop, and when every one is gone, is seen from outside ' +
    'and in the same way for all: each writes a byte to a FIFO of the bench in its first call and has the FIFO open as long as ' +
    'it lives, so that the system tells when the last is gone. Beside it is the time until the call is answered, where the ' +
    'answer means the same: supervisord and pm2 answer a start when the processes are spawned, which says nothing of the code ' +
    'in them, so that is left out. ' +
    'parallel-workers is called over HTTP, with a host process that it has kept ready ("from warm") and without ("cold"); ' +
    'its workers are threads of one process, and a module. supervisord is called over its XML-RPC on a Unix socket (what ' +
    'supervisorctl does, without the start of a Python), with startsecs=0 and no log files; pm2 by its API over a connection ' +
    'that is open, in fork mode, without its instrumentation of processes (pmx), git look-up (vizion) and tree kill, which ' +
    'makes it faster. Both run a process of the same Node for each worker: a CommonJS script that requires nothing but node:fs. ' +
    'A start from warm comes when a host is ready: half a second after the last one, at the earliest. What a round says of 2 ' +
    'workers is the median of three starts and stops. Nobody has NODE_EXTRA_CA_CERTS in the environment, which makes each process of Node 20 read certificates before all else.',
  loses:
    'A stop of supervisord and pm2 is a signal that ends the process in the middle of what it does, so their workers are gone ' +
    'sooner (of 32, those of supervisord alone); ours end their call and run the hooks of the module first. Until they say so takes both longer: supervisord looks ' +
    'once a second. A cold start ' +
    'takes longer than that of as many bare processes: a process and the threads in it come up one after the other, and the ' +
    'module is loaded in a thread of the hooks before it is in those of the workers. The host that is kept ready has threads ' +
    'for two workers; with 8 and with 32 the others are started when they are needed, and a thread with a pool and our code in ' +
    'it costs more of the processor than a process of Node that loads nothing.',
  async measure(bench) {
    const sizes = bench.quick ? [2] : [1, 2, 8, 32];
    await withOurs({ warm: true, sizes }, (warm) =>
      withOurs({ warm: false, sizes }, (cold) =>
        withSupervisord({ sizes }, (supervisord) =>
          withPm2(async (pm2) => {
            for (const workers of sizes) await compareSize(bench, workers, { warm, cold, supervisord, pm2 });
          }),
        ),
      ),
    );
    if (!bench.quick) await compareKills(bench);
  },
};

async function compareSize(bench, workers, { warm, cold, supervisord, pm2 }) {
  const what = workers === 1 ? '1 worker' : `${workers} workers`;
  // What most have is measured best.
  const cycles = workers === 2 && !bench.quick ? 3 : 1;
  const contender = (id, name, starter, answersWhenInLoop = false) => ({
    id,
    name,
    ours: answersWhenInLoop,
    measure: async () => {
      const times = [];
      for (let i = 0; i < cycles; i++) times.push(await cycle(starter, workers));
      const of = (key) => median(times.map((each) => each[key]));
      return {
        inLoop: of('inLoop'),
        ...(answersWhenInLoop && { started: of('started') }),
        gone: of('gone'),
        stopped: of('stopped'),
      };
    },
  });
  const to = (peer, name, metric, verb) => ({
    id: `${metric}-${peer}`,
    name: `ours from warm to ${name}: ${verb} of ${what}`,
    metric,
    of: 'warm',
    to: peer,
    guarded: metric === 'inLoop' && workers === 2,
  });
  await bench.compare({
    id: `workers-${workers}`,
    title: `Start and stop of ${what}`,
    metrics: METRICS,
    warmUp: true,
    contenders: [
      contender('warm', 'parallel-workers, from warm', warm, true),
      contender('cold', 'parallel-workers, cold', cold, true),
      {
        ...contender('supervisord', 'supervisord', supervisord),
        ...(supervisordMissing && { skip: supervisordMissing }),
      },
      contender('pm2', 'pm2', pm2),
    ],
    ratios: [
      to('supervisord', 'supervisord', 'inLoop', 'start'),
      to('pm2', 'pm2', 'inLoop', 'start'),
      to('supervisord', 'supervisord', 'gone', 'stop'),
      to('pm2', 'pm2', 'gone', 'stop'),
    ],
  });
}

/** One start and one stop: milliseconds from each call. */
async function cycle({ presence, start, stop, rest }, workers) {
  await rest?.();
  const seen = presence.watch(workers);
  const startedAt = performance.now();
  const [inLoop, started] = await Promise.all([seen.inLoop, answeredAt(start(workers))]);
  await pause(RUN_MS);
  const stoppedAt = performance.now();
  const gone = inTime(seen.gone, () => `${workers} workers to go`);
  const times = await Promise.all([gone, answeredAt(stop(workers))]);
  return {
    inLoop: inLoop - startedAt,
    started: started - startedAt,
    gone: times[0] - stoppedAt,
    stopped: times[1] - stoppedAt,
  };
}

async function answeredAt(call) {
  await call;
  return performance.now();
}
