// GET /v1/groups while 200 clients watch the events, half of which do not read, beside the same without them; and what
// the service's memory does meanwhile. PW_BENCH_SECONDS: how long each of the two takes, 60 by default.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { quantile, row, timed, withService } from './support.mjs';

const SECONDS = Number(process.env.PW_BENCH_SECONDS ?? 60);
const READERS = 100;
const DEAF = 100;
/** Changes a second, each an event of about 14 KB, because a group with many workers is told of. */
const CHANGES = 20;
const WORKERS = 300;

export async function watchers() {
  const flags = ['--max-workers', String(WORKERS), '--rate-limit', '0'];
  await withService(
    async (service) => {
      await service.register({ name: 'watched', module: 'empty.mjs', workers: WORKERS });
      const alone = await busy(service);
      const { readers, close } = await watch(service);
      const watched = await busy(service);
      const sent = await floodDeaf(service);
      const cut = await service.metric('http_streams_cut_total{stream="events"}');
      const open = await service.metric('http_streams{stream="events"}');
      const told = await readers();
      await close();
      for (const [name, { times }] of Object.entries({ 'nobody watches': alone, '200 watch': watched })) {
        for (const q of [0.5, 0.99])
          row(`GET /v1/groups, ${name}, p${q * 100} of ${times.length}`, [quantile(times, q)], 'ms', 1);
      }
      for (const [name, { memory }] of Object.entries({ 'nobody watches': alone, '200 watch': watched }))
        row(`memory of the service, ${name}, the most`, [Math.max(...memory) / 2 ** 20], 'MiB', 1);
      const missed = told.filter(({ last, first, count }) => count !== last - first + 1);
      console.log(
        `  ${cut} of ${DEAF} that do not read were cut off, after ${sent} more changes; ${open} streams are there still; ` +
          `${missed.length} of ${READERS} that read have missed something of ${Math.min(...told.map(({ count }) => count))} events`,
      );
    },
    { flags },
  );
}

/** The group changes all the time, and somebody asks how it is. */
async function busy(service) {
  const times = [];
  const memory = [];
  let over = false;
  const asking = (async () => {
    while (!over) {
      times.push((await timed(() => service.call('GET', '/v1/groups'))).milliseconds);
      await pause(10);
    }
  })();
  const deadline = performance.now() + SECONDS * 1000;
  for (let i = 0; performance.now() < deadline; i++) {
    await Promise.all([change(service), pause(1000 / CHANGES)]);
    if (i % CHANGES === 0) memory.push(await service.metric('process_resident_memory_bytes'));
  }
  over = true;
  await asking;
  return { times, memory };
}

/** Changes come as fast as they can until nobody is left who does not read. Returns how many there were. */
async function floodDeaf(service) {
  const deadline = performance.now() + 120_000;
  for (let i = 0; ; i++) {
    if (i % 50 === 0) {
      const cut = await service.metric('http_streams_cut_total{stream="events"}');
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
