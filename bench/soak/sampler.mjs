import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const MIB = 2 ** 20;
/** How long a collection may take, on a busy machine. */
const LIVE_MS = 60_000;

/** Looks at a service from outside: at its process, its state directory, its metrics, and what its heap probe wrote. */
export class Sampler {
  #pid;
  #client;
  #stateDir;
  #heapFile;

  constructor({ pid, client, stateDir, heapFile }) {
    this.#pid = pid;
    this.#client = client;
    this.#stateDir = stateDir;
    this.#heapFile = heapFile;
  }

  /** Everything at this moment; the event-loop delay is of the time since the last scrape. */
  async sample() {
    const delay = await this.#delay();
    const { heapUsed, external } = this.#heap() ?? {};
    return {
      rss: this.#status('VmRSS') / 1024,
      heap: heapUsed === undefined ? undefined : heapUsed / MIB,
      outside: external === undefined ? undefined : external / MIB,
      delay,
      ...this.counts(),
    };
  }

  /** What has to be as it was, when all groups are gone. */
  counts() {
    if (!existsSync(`/proc/${this.#pid}`)) throw new Error('the service has ended');
    return {
      descriptors: readdirSync(`/proc/${this.#pid}/fd`).length,
      threads: this.#status('Threads'),
      hosts: childrenOf(this.#pid).length,
      files: filesIn(this.#stateDir),
    };
  }

  /** What is alive in the heap, in MiB: after a collection. */
  async live() {
    const before = this.#heap()?.collected ?? 0;
    writeFileSync(`${this.#heapFile}.collect`, '');
    for (const deadline = performance.now() + LIVE_MS; ; ) {
      if (performance.now() > deadline) throw new Error('the heap probe in the service does not answer');
      const { heapUsed, external, collected } = this.#heap() ?? {};
      if (collected > before) return (heapUsed + external) / MIB;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #delay() {
    const { body } = await this.#client.call('GET', '/metrics');
    const seconds = /^nodejs_eventloop_lag_mean_seconds (\S+)$/m.exec(body)?.[1];
    const milliseconds = Number(seconds) * 1000;
    return Number.isFinite(milliseconds) ? milliseconds : undefined;
  }

  #heap() {
    try {
      return JSON.parse(readFileSync(this.#heapFile, 'utf8'));
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #status(field) {
    const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  }
}

/** How many files and folders are in it, at any depth. Some may go while it is looked at. */
function filesIn(folder) {
  for (;;) {
    try {
      return readdirSync(folder, { recursive: true }).length;
    } catch (error) {
      if (error.code !== 'ENOENT' || !existsSync(folder)) throw error;
    }
  }
}

/** The ids of the processes whose parent it is, dead ones that it has not taken note of included. */
function childrenOf(pid) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The name of the program, in brackets, may hold anything.
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === pid;
      } catch {
        return false;
      }
    });
}
