/** After so long in vain it is said for the first time. */
const VAIN_MS = 10_000;
const AGAIN_MS = 60_000;
/** With so many items at hand nobody starves. */
const ENOUGH = 2;

/** What is known of a queue. */
export interface Fed {
  readonly depth: number;
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
  #starving: { since: number; toldAt: number; toldWaited: number } | undefined;

  /** @param now monotonic milliseconds */
  constructor(queue: Fed, now: () => number) {
    this.#queue = queue;
    this.#now = now;
  }

  /** To be called a few times in VAIN_MS. Returns a line for the log when there is something to say. */
  check(): string | undefined {
    const { depth, handedOut, takeWait } = this.#queue;
    const waited = takeWait.any;
    const now = this.#now();
    if (handedOut !== this.#handedOut) {
      this.#handedOut = handedOut;
      this.#waited = waited;
    }
    if (depth >= ENOUGH) {
      this.#starving = undefined;
      return undefined;
    }
    if (this.#starving === undefined) {
      if (waited - this.#waited < VAIN_MS) return undefined;
      this.#starving = { since: now, toldAt: now, toldWaited: waited };
      return `the trainer has waited ${VAIN_MS / 1000} s for an item, and none came: see what the workers do`;
    }
    const { since, toldAt, toldWaited } = this.#starving;
    if (now - toldAt < AGAIN_MS) return undefined;
    this.#starving = { since, toldAt: now, toldWaited: waited };
    const share = Math.round((100 * (waited - toldWaited)) / (now - toldAt));
    // Nobody has asked for anything.
    if (share === 0) return undefined;
    const minutes = Math.round((now - since) / 60_000);
    return `the trainer starves: for ${minutes} min the feed has had less than ${ENOUGH} items, and in the last the trainer waited ${share} % of the time. Add workers, or make them faster`;
  }
}
