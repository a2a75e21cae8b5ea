import type { GroupStore } from './group-store.js';

/** So many ids are reserved at once: a registration seldom needs a write for them. */
const BLOCK = 64;

/**
 * Worker ids: unique in the service, counted up from 0, never used again, also after a crash. Calls must come one
 * after the other.
 */
export class WorkerIds {
  readonly #store: GroupStore | undefined;
  #next = 0;
  /** Ids below this one are known to the store as given out. */
  #reserved = 0;

  constructor(store: GroupStore | undefined) {
    this.#store = store;
  }

  /** Goes on where the service was that ended. */
  restore(next: number): void {
    this.#next = next;
    this.#reserved = next;
  }

  /** Takes the next ids. Those that are not used after all are lost. */
  async take(count: number): Promise<number[]> {
    const first = this.#next;
    if (first + count > this.#reserved) await this.#reserve(first + count + BLOCK);
    this.#next = first + count;
    return Array.from({ length: count }, (_, i) => first + i);
  }

  /** Gives back what was reserved and not taken. For the end of the service. */
  async giveBack(): Promise<void> {
    if (this.#reserved > this.#next) await this.#reserve(this.#next);
  }

  async #reserve(next: number): Promise<void> {
    await this.#store?.reserveIds(next);
    this.#reserved = next;
  }
}
