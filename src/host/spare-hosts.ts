import type { Clock, Timer } from '../clock.js';
import type { HostSpec } from '../coordinator/host.js';
import { deferred } from '../deferred.js';
import type { HostStarter, StartedHost } from './start-host.js';
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
  /** It was killed, and is not gone yet. */
  ended: boolean;
}

export interface SpareHostsOptions {
  /** How many are kept ready. */
  readonly count: number;
  readonly clock: Clock;
  readonly starter: HostStarter;
  readonly removeDirectory: (directory: string) => void;
  /** Whether a group is being started: a host that is ready would be so at its expense. */
  readonly busy: () => boolean;
  /** Told why no host could be kept ready: once, until one has been taken again. */
  readonly onFailure: (reason: string) => void;
}

/**
 * Hosts that are up, with threads that are up, before a group needs one: most of what a start takes. User code has never run
 * in them. Each is `waiting`, then `taken` by a group, for good, or `dead`; in either case another follows after a while.
 */
export class SpareHosts {
  readonly #options: SpareHostsOptions;
  /** Those that are being ended included, until they are gone. */
  readonly #waiting = new Set<Spare>();
  #open = false;
  #refill: { readonly at: number; readonly timer: Timer } | undefined;
  #failing = false;

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
      if (spare.ended) continue;
      if (this.#fits(spare.host, spec)) {
        this.#waiting.delete(spare);
        spare.release();
        this.#failing = false;
        this.#fillAfter(REFILL_MS);
        return spare.host;
      }
      // The workers directory is a link that leads elsewhere by now, for example: it fits nobody any more.
      if (!this.#fits(spare.host, USUAL)) this.#end(spare);
    }
    return undefined;
  }

  /** Ends all that wait. Resolves when the operating system has let them go. */
  async close(): Promise<void> {
    this.#open = false;
    this.#refill?.timer.cancel();
    const waiting = [...this.#waiting];
    for (const spare of waiting) this.#end(spare);
    await Promise.all(waiting.map(({ gone }) => gone));
  }

  #end(spare: Spare): void {
    spare.ended = true;
    this.#options.starter.kill(spare.host);
  }

  #fits({ directory, fingerprint }: StartedHost, spec: HostSpec): boolean {
    return this.#options.starter.fingerprint(spec, directory) === fingerprint;
  }

  /** What is due earlier stays. */
  #fillAfter(milliseconds: number): void {
    const { clock } = this.#options;
    const at = clock.now() + milliseconds;
    if (!this.#open || (this.#refill !== undefined && this.#refill.at <= at)) return;
    this.#fillAt(at, at + MOST_REFILL_MS);
  }

  /** @param latest from then on no start of a group is waited for */
  #fillAt(at: number, latest: number): void {
    const { clock, busy } = this.#options;
    this.#refill?.timer.cancel();
    const due = () => {
      this.#refill = undefined;
      if (busy() && clock.now() < latest) this.#fillAt(clock.now() + REFILL_MS, latest);
      else this.#fill();
    };
    this.#refill = { at, timer: clock.after(at - clock.now(), due) };
  }

  /** One at a time: each takes a part of the processor of those that work. */
  #fill(): void {
    const { count, starter } = this.#options;
    if (this.#waiting.size >= count) return;
    try {
      this.#watch(starter.start(USUAL, SPARE_TITLE, true));
    } catch (error) {
      this.#fail((error as Error).message);
      return;
    }
    if (this.#waiting.size < count) this.#fillAfter(REFILL_MS);
  }

  #fail(reason: string): void {
    this.#fillAfter(RETRY_MS);
    if (this.#failing) return;
    this.#failing = true;
    this.#options.onFailure(reason);
  }

  #watch(host: StartedHost): void {
    const { child, directory } = host;
    const { promise: gone, resolve } = deferred<void>();
    const onGone = (reason: string) => {
      if (!this.#waiting.delete(spare)) return;
      this.#options.removeDirectory(directory);
      resolve();
      if (spare.ended) this.#fillAfter(REFILL_MS);
      else this.#fail(reason);
    };
    const onExit = (code: number | null, signal: string | null) =>
      onGone(`it ended before a group had it (${signal ?? `exit code ${code}`})`);
    const onError = (error: Error) => onGone(error.message);
    const spare: Spare = {
      host,
      gone,
      ended: false,
      release: () => child.off('exit', onExit).off('error', onError),
    };
    child.once('exit', onExit).once('error', onError);
    this.#waiting.add(spare);
  }
}
