import type { Clock, Timer } from '../clock.js';
import type { HostSpec } from '../coordinator/host.js';
import { deferred } from '../deferred.js';
import { type HostStarter, killHost, type StartedHost } from './start-host.js';
import { SPARE_TITLE } from './title.js';

/** After one was taken: the group that has taken it comes up first, and so do others that are being started. */
const REFILL_MS = 500;

/** So long at most is a group waited for: `init` may load whole data sets. */
const MOST_REFILL_MS = 5_000;

/** After one could not be started, or has died while nobody needed it. */
const RETRY_MS = 10_000;

/**
 * What most groups ask for. Of others the flags differ where hosts are fenced, and a spare one does not fit. Threads for
 * more workers would be memory that most groups never use.
 */
const USUAL: HostSpec = {
  name: '',
  workers: 2,
  limits: { heapMb: null, rssMb: null },
  permissions: { read: [], write: [], childProcess: false, addons: false, wasi: false },
  feed: null,
};

interface Spare {
  readonly host: StartedHost;
  /** It is somebody else's from here on. */
  release(): void;
  readonly gone: Promise<void>;
}

export interface SpareHostsOptions {
  /** How many are kept ready. */
  readonly count: number;
  readonly clock: Clock;
  readonly starter: HostStarter;
  readonly removeDirectory: (directory: string) => void;
  /** Whether a group is being started: a host that is ready would be so at its expense. */
  readonly busy: () => boolean;
}

/**
 * Hosts that are up, with threads that are up, before a group needs one: most of what a start takes. User code has never run
 * in them. Each is `waiting`, then `taken` by a group, for good, or `dead`; in either case another follows after a while.
 */
export class SpareHosts {
  readonly #options: SpareHostsOptions;
  readonly #waiting = new Set<Spare>();
  #open = false;
  #timer: Timer | undefined;

  constructor(options: SpareHostsOptions) {
    this.#options = options;
  }

  /** From now on hosts are kept ready. */
  open(): void {
    this.#open = true;
    this.#fillAfter(REFILL_MS);
  }

  /**
   * Hands over a host that fits the group; undefined when none is waiting.
   * @throws what the file system says of the workers directory, where hosts are fenced
   */
  take(spec: HostSpec): StartedHost | undefined {
    for (const spare of this.#waiting) {
      const { directory, flags } = spare.host;
      const wanted = this.#options.starter.flags(spec, directory);
      if (flags.length !== wanted.length || flags.some((flag, i) => flag !== wanted[i])) continue;
      this.#waiting.delete(spare);
      spare.release();
      this.#fillAfter(REFILL_MS);
      return spare.host;
    }
    return undefined;
  }

  /** Ends all that wait. Resolves when the operating system has let them go. */
  async close(): Promise<void> {
    this.#open = false;
    this.#timer?.cancel();
    const waiting = [...this.#waiting];
    for (const { host } of waiting) killHost(host.child);
    await Promise.all(waiting.map(({ gone }) => gone));
  }

  #fillAfter(milliseconds: number): void {
    if (!this.#open) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const latest = clock.now() + milliseconds + MOST_REFILL_MS;
    const due = () => {
      if (this.#options.busy() && clock.now() < latest) this.#timer = clock.after(REFILL_MS, due);
      else this.#fill();
    };
    this.#timer = clock.after(milliseconds, due);
  }

  #fill(): void {
    const { count, starter } = this.#options;
    try {
      while (this.#waiting.size < count) {
        this.#watch(starter.start(USUAL, SPARE_TITLE));
      }
    } catch {
      // Out of processes or descriptors, for example. Starts of groups will say so.
      this.#fillAfter(RETRY_MS);
    }
  }

  #watch(host: StartedHost): void {
    const { child, directory } = host;
    const { promise: gone, resolve } = deferred<void>();
    const onGone = () => {
      this.#waiting.delete(spare);
      killHost(child);
      this.#options.removeDirectory(directory);
      resolve();
      this.#fillAfter(RETRY_MS);
    };
    const spare: Spare = {
      host,
      gone,
      release: () => child.off('exit', onGone).off('error', onGone),
    };
    child.once('exit', onGone).once('error', onGone);
    this.#waiting.add(spare);
  }
}
