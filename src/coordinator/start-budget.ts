import type { Clock, Timer } from '../clock.js';

/**
 * The time that a start may take. It runs only while the group itself is at work: a group that waits for the inits
 * of others spends none of it.
 */
export class StartBudget {
  readonly #clock: Clock;
  readonly #onSpent: () => void;
  #left: number;
  #running: { timer: Timer; since: number } | undefined;

  /** @param milliseconds more than 0 */
  constructor(clock: Clock, milliseconds: number, onSpent: () => void) {
    this.#clock = clock;
    this.#left = milliseconds;
    this.#onSpent = onSpent;
  }

  resume(): void {
    this.#running ??= { timer: this.#clock.after(this.#left, this.#onSpent), since: this.#clock.now() };
  }

  pause(): void {
    if (this.#running === undefined) return;
    this.#running.timer.cancel();
    this.#left -= this.#clock.now() - this.#running.since;
    this.#running = undefined;
  }
}
