/** After so long in vain it is said at once. */
const VAIN_MS = 10_000;
/** While it goes on, and where items come but too few of them, it is said so often. */
const AGAIN_MS = 60_000;
/** With so many items at hand nobody starves. */
const ENOUGH = 2;
/** Percent of the time: below this share of waiting the workers keep up. As of the alert `TrainerStarving`. */
const LEAST_SHARE = 20;

/** What is known of a queue. */
export interface Fed {
  readonly depth: number;
  /** Items that wait or are being written to a taker. */
  readonly heldItems: number;
  /** Items that were handed out so far. */
  readonly handedOut: number;
  /** `any`: milliseconds in which at least one taker waited. */
  readonly takeWait: { readonly any: number };
}

/** Whether the trainer starves: what is to be said about it, and when. */
export class StarvationWatch {
  readonly #queue: Fed;
  readonly #now: () => number;
  #handedOut = 0;
  /** Waiting up to the last item that was handed out. */
  #waited = 0;
  /** While there is less than enough: since when, and what was looked at last. */
  #low: { readonly since: number; inVain: boolean; lookedAt: number; lookedWaited: number } | undefined;

  /** @param now monotonic milliseconds */
  constructor(queue: Fed, now: () => number) {
    this.#queue = queue;
    this.#now = now;
  }

  /** To be called a few times in VAIN_MS. Returns a line for the log when there is something to say. */
  check(): string | undefined {
    const { depth, heldItems, handedOut, takeWait } = this.#queue;
    const waited = takeWait.any;
    const now = this.#now();
    if (handedOut !== this.#handedOut) {
      this.#handedOut = handedOut;
      this.#waited = waited;
    }
    if (depth >= ENOUGH) {
      this.#low = undefined;
      return undefined;
    }
    this.#low ??= { since: now, inVain: false, lookedAt: now, lookedWaited: waited };
    const low = this.#low;
    const passed = now - low.lookedAt;
    const share = Math.round((100 * (waited - low.lookedWaited)) / passed);
    const look = () => {
      low.lookedAt = now;
      low.lookedWaited = waited;
    };
    if (!low.inVain && waited - this.#waited >= VAIN_MS) {
      low.inVain = true;
      look();
      const under = heldItems - depth;
      const why = under > 0 ? `${under} are on their way to other takers` : 'see what the workers do';
      return `the trainer has waited ${VAIN_MS / 1000} s for an item, and none came: ${why}`;
    }
    if (passed < AGAIN_MS) return undefined;
    look();
    if (share < LEAST_SHARE) return undefined;
    const minutes = Math.round((now - low.since) / 60_000);
    return `the trainer starves: for ${minutes} min the feed has had less than ${ENOUGH} items, and in the last the trainer waited ${share} % of the time. Add workers, or make them faster`;
  }
}
