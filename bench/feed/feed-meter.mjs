import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { besidePython, measuredByPython } from '../lib/python.mjs';
import { quantile } from '../lib/stats.mjs';
import { timed } from '../lib/timed.mjs';

/** How often memory is looked at. */
const LOOK_MS = 50;

/** After so long a host that was started has nothing left to do. */
const SETTLE_MS = 1000;

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The measurements of what is ours, and of the raw copy, which comes from a host of ours. */
export class FeedMeter {
  constructor(service, folder, seconds) {
    this.service = service;
    this.folder = folder;
    this.seconds = seconds;
  }

  /**
   * The taker, while the group runs; over the socket of the group, or with `path: ''` over the service's port. `plain`: with
   * the defaults of feed.py, item by item.
   */
  async throughput({ bytes, capacity, most, plain = false }, path) {
    const spec = { module: 'feed-worker.mjs', workers: 2, params: { bytes }, feed: { capacity } };
    return this.#while('bench', spec, () =>
      this.take('taker.py', { url: this.service.url, path, bytes, most, plain }),
    );
  }

  async rawCopy({ bytes }) {
    const raw = join(this.folder, 'raw.sock');
    // A host whose worker puts nothing meanwhile.
    const spec = { module: 'feed-worker.mjs', workers: 1, params: { bytes, raw, idle: true } };
    return this.#while('raw', spec, () => this.take('taker.py', { raw, bytes }));
  }

  /**
   * Resident memory of the group's host in MB: of one whose workers put nothing; with a full queue before anybody has taken of
   * it; the most of it after a taker at full speed was stopped, while the workers go on pushing; and what the feed had added
   * by then. @param seconds how long the taker takes, and how long it is stopped then
   */
  async memory({ bytes, capacity, most, allocate }, seconds) {
    const spec = { module: 'feed-worker.mjs', workers: 2, params: { bytes, allocate }, feed: { capacity } };
    const idle = await this.#while('bench', { ...spec, params: { idle: true } }, async () => {
      const { pid } = (await this.#status('bench')).host;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return residentMegabytes(pid);
    });
    return this.#while('bench', spec, async () => {
      const { pid } = (await this.#status('bench')).host;
      while ((await this.#status('bench')).feed.depth < capacity) await look();
      const before = residentMegabytes(pid);
      const how = { url: this.service.url, bytes, most, seconds };
      const after = await besidePython(join(HERE, 'stopping-taker.py'), how, async () => {
        let highest = 0;
        for (const end = performance.now() + 1000 * seconds; performance.now() < end; await look())
          highest = Math.max(highest, residentMegabytes(pid));
        return highest;
      });
      return { idle, before, after, added: after - idle };
    });
  }

  async #status(name) {
    return (await this.service.call('GET', `/v1/groups/${name}`)).body;
  }

  /** The 99th percentile of GET /v1/groups while `body` goes on, in ms. */
  async latency(body) {
    const times = [];
    let goesOn = true;
    const watched = body().finally(() => {
      goesOn = false;
    });
    while (goesOn) times.push((await timed(() => this.service.call('GET', '/v1/groups'))).milliseconds);
    await watched;
    return quantile(times, 0.99);
  }

  take(script, how) {
    return measuredByPython(join(HERE, script), { seconds: this.seconds, ...how });
  }

  async #while(name, spec, body) {
    await this.service.call('PUT', `/v1/groups/${name}`, spec);
    await this.service.start(name);
    try {
      return await body();
    } finally {
      await this.service.stop(name);
    }
  }
}

function look() {
  return new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

function residentMegabytes(pid) {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
  return (Number(kib) * 1024) / 1e6;
}
