import type { Clock, Timer } from '../clock.js';

/** Hosts report every 500 ms. This is how long a host may be silent before it is asked, and then before it is given up. */
const ASK_MS = 20_000;
const GIVE_UP_MS = 10_000;

/**
 * Notices a host that says nothing any more: one that user code has stopped with SIGSTOP, or that has no time left for
 * itself. It is asked first: after a pause of the whole machine its reports may only be late.
 */
export class SilenceWatch {
  /** How long a host may be silent in all, in seconds. */
  static readonly SECONDS = (ASK_MS + GIVE_UP_MS) / 1000;
  readonly #clock: Clock;
  readonly #ask: () => void;
  readonly #giveUp: () => void;
  #timer: Timer | undefined;
  #closed = false;

  constructor(clock: Clock, ask: () => void, giveUp: () => void) {
    this.#clock = clock;
    this.#ask = ask;
    this.#giveUp = giveUp;
  }

  /** The host was heard, or begins to be listened to. */
  heard(): void {
    if (this.#closed) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(ASK_MS, () => {
      this.#timer = this.#clock.after(GIVE_UP_MS, this.#giveUp);
      this.#ask();
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }
}
