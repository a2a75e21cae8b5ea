import type { DesiredState } from '../schemas/states.js';

/** What the user wants of a group. A wish counts at once, and can be taken back as long as it is not settled. */
export class Desire {
  readonly #changed: (desired: DesiredState) => void;
  #present: DesiredState;
  #settled: DesiredState;

  /** @param changed called with each change of the present one */
  constructor(desired: DesiredState, changed: (desired: DesiredState) => void) {
    this.#present = desired;
    this.#settled = desired;
    this.#changed = changed;
  }

  get present(): DesiredState {
    return this.#present;
  }

  /** What may still be refused. */
  wish(desired: DesiredState): void {
    if (this.#present === desired) return;
    this.#present = desired;
    this.#changed(desired);
  }

  /** What holds, whatever becomes of it. */
  settle(desired: DesiredState): void {
    this.#settled = desired;
    this.wish(desired);
  }

  /** The wish has been refused: what holds is what held before it. */
  takeBack(): void {
    this.wish(this.#settled);
  }
}
