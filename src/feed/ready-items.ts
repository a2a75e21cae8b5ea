import type { FeedItem } from './items.js';

export interface Entry {
  readonly item: FeedItem;
  /** Place in the order of all items. */
  readonly order: number;
}

/** Items that wait for a taker, in their order. */
export class ReadyItems {
  /** Items that nobody was given yet. */
  readonly #entries: Entry[] = [];
  /** Those that came back: all of them are from before the others. */
  readonly #returned: Entry[] = [];
  #inOrder = true;
  #added = 0;

  get size(): number {
    return this.#returned.length + this.#entries.length;
  }

  add(item: FeedItem): void {
    this.#entries.push({ item, order: this.#added++ });
  }

  giveBack(entries: readonly Entry[]): void {
    for (const entry of entries) this.#returned.push(entry);
    this.#inOrder = false;
  }

  /** Takes up to so many away, the oldest first. */
  next(max: number): Entry[] {
    // Not each time that one comes back: many takers may go at once.
    if (!this.#inOrder) this.#returned.sort((a, b) => a.order - b.order);
    this.#inOrder = true;
    const next = this.#returned.splice(0, max);
    return next.length === max ? next : next.concat(this.#entries.splice(0, max - next.length));
  }
}
