// What those who watch cost everybody else, and what becomes of those who do not read.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { withDrainedService } from '../lib/drained-service.mjs';
import { quantile } from '../lib/stats.mjs';
import { timed } from '../lib/timed.mjs';

/** How long a round of each of the two takes. */
const SECONDS = process.env.PW_BENCH_SECONDS;
const FULL_SECONDS = 6;
const READERS = 100;
const DEAF = 100;
/** Changes a second, each an event of about 14 KB, because a group with many workers is told of. */
const CHANGES = 20;
const WORKERS = 300;
/** Until all that do not read are cut off. */
const FLOOD_SECONDS = 120;
const CUT = 'http_streams_cut_total{stream="events"}';

export default {
  title: 'GET /v1/groups while 200 clients watch the events',
  about:
    'A group of 300 workers (not started) is changed 20 times a second, each time an event of about 14 KB for all that ' +
    'watch, and GET /v1/groups is asked every 10 ms: by a service that nobody watches, and by another one with 200 ' +
    'clients on /v1/events, of which 100 read and 100 never do. The clients are in a thread of the process that ' +
    `measures. A round takes ${FULL_SECONDS} s of each (PW_BENCH_SECONDS sets it). After it, changes come as fast as they ` +
    'can until all that do not read have been cut off; then it is counted who of those that read has missed an event. ' +
    'There is no peer: it shows what watching costs. The service keeps its memory over the rounds, so the highest of ' +
    'a later round is no lower.',
  loses:
    'Watchers cost memory, and to send 14 KB to a hundred readers 20 times a second takes time that others wait for, ' +
    'which shows in the slowest requests.',

  async measure(bench) {
    const seconds = SECONDS === undefined ? bench.seconds(FULL_SECONDS) : Number(SECONDS);
    const flags = ['--max-workers', String(WORKERS)];
    await withDrainedService({ flags }, (alone) =>
      withDrainedService({ flags }, async (watched) => {
        for (const service of [alone, watched])
          await service.register({ name: 'watched', module: 'empty.mjs', workers: WORKERS });
        await bench.compare({
          id: 'watchers',
          title: 'GET /v1/groups beside those who watch',
          metrics: [
            { key: 'p50', name: 'time of GET /v1/groups, p50', unit: 'ms', better: 'lower' },
            { key: 'p99', name: 'time of GET /v1/groups, p99', unit: 'ms', better: 'lower' },
            { key: 'memory', name: 'resident memory of the service, the most', unit: 'MiB', better: 'lower' },
            {
              key: 'cut',
              name: `clients that do not read, cut off (of ${DEAF})`,
              unit: 'clients',
              better: 'higher',
            },
            { key: 'changes', name: 'changes until they were', unit: 'changes', better: 'lower' },
            {
              key: 'missed',
              name: `clients that read, and missed something (of ${READERS})`,
              unit: 'clients',
              better: 'lower',
            },
            { key: 'events', name: 'events that each of them got', unit: 'events', better: 'higher' },
          ],
          contenders: [
            { id: 'alone', name: 'nobody watches', ours: true, measure: () => busy(alone, seconds) },
            {
              id: 'watched',
              name: '200 watch, half of which do not read',
              ours: true,
              measure: () => whileWatched(watched, seconds),
            },
          ],
          ratios: ['p50', 'p99'].map((metric) => ({
            id: metric,
            name: `200 watch to nobody watches: ${metric} of GET /v1/groups`,
            metric,
            of: 'watched',
            to: 'alone',
          })),
        });
      }),
    );
  },
};

/** The group changes all the time, and somebody asks how it is. */
async function busy(service, seconds) {
  const times = [];
  let memory = 0;
  let over = false;
  const asking = (async () => {
    while (!over) {
      times.push((await timed(() => service.call('GET', '/v1/groups'))).milliseconds);
      await pause(10);
    }
  })();
  const deadline = performance.now() + seconds * 1000;
  for (let i = 0; performance.now() < deadline; i++) {
    await Promise.all([change(service), pause(1000 / CHANGES)]);
    if (i % CHANGES === 0) memory = Math.max(memory, await service.metric('process_resident_memory_bytes'));
  }
  over = true;
  await asking;
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), memory: memory / 2 ** 20 };
}

async function whileWatched(service, seconds) {
  const cutBefore = await service.metric(CUT);
  const { readers, close } = await watch(service);
  try {
    const measured = await busy(service, seconds);
    const changes = await floodDeaf(service, cutBefore);
    const told = await readers();
    const missed = told.filter(({ last, first, count }) => count !== last - first + 1);
    return {
      ...measured,
      cut: (await service.metric(CUT)) - cutBefore,
      changes,
      missed: missed.length,
      events: Math.min(...told.map(({ count }) => count)),
    };
  } finally {
    await close();
  }
}

/** Changes come as fast as they can until nobody is left who does not read. Returns how many there were. */
async function floodDeaf(service, cutBefore) {
  const deadline = performance.now() + FLOOD_SECONDS * 1000;
  for (let i = 0; ; i++) {
    if (i % 50 === 0) {
      const cut = (await service.metric(CUT)) - cutBefore;
      if (cut >= DEAF || performance.now() > deadline) return i;
    }
    await change(service);
  }
}

function change(service) {
  return service.call('PATCH', '/v1/groups/watched', { labels: { at: String(performance.now()) } });
}

async function watch({ url }) {
  const workerData = { url, reading: READERS, deaf: DEAF };
  const thread = new Worker(new URL('./readers.mjs', import.meta.url), { workerData });
  await once(thread, 'message');
  return {
    readers: async () => {
      thread.postMessage('tell');
      const [readers] = await once(thread, 'message');
      return readers;
    },
    close: () => thread.terminate(),
  };
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
