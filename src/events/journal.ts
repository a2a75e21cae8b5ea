/** What is kept of one thing that happened: as it is sent, so that it is made into text once for all readers. */
export interface Entry {
  readonly text: string;
}

/** How much a journal keeps: so many entries, and so many bytes of their text in UTF-8. */
export interface JournalBounds {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * The last of what has happened, in order. Every entry has a position, one more than that of the entry before it, so
 * that a reader needs nothing but a number to go on from: who is slow costs no memory, and misses what is gone.
 */
export class Journal<T extends Entry> {
  /** Position of the first entry that there ever was, or will be. */
  readonly start: number;
  readonly #bounds: JournalBounds;
  readonly #entries: { entry: T; bytes: number }[] = [];
  readonly #followers = new Set<() => void>();
  #first: number;
  #bytes = 0;
  #ended = false;

  /** @param first position of the first entry */
  constructor(bounds: JournalBounds, first = 0) {
    this.#bounds = bounds;
    this.start = first;
    this.#first = first;
  }

  /** Position of the oldest entry that is kept. */
  get first(): number {
    return this.#first;
  }

  /** Position that the next entry will have. */
  get next(): number {
    return this.#first + this.#entries.length;
  }

  /** Whether nothing will be added any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The entry at that position; undefined when it is gone, or not there yet. */
  at(position: number): T | undefined {
    return this.#entries[position - this.#first]?.entry;
  }

  /** Position of the first of the last `count` entries that are wanted, of those at `from` or later. */
  positionOfLast(count: number, wants: (entry: T) => boolean, from = this.#first): number {
    let position = this.next;
    for (let left = count; left > 0 && position > Math.max(from, this.#first); ) {
      position--;
      const entry = this.at(position);
      if (entry !== undefined && wants(entry)) left--;
    }
    return position;
  }

  /** Adds an entry; the oldest make room. The newest is kept whatever its size. */
  append(entry: T): void {
    const bytes = Buffer.byteLength(entry.text);
    this.#entries.push({ entry, bytes });
    this.#bytes += bytes;
    const { entries, bytes: most } = this.#bounds;
    while (this.#entries.length > entries || (this.#bytes > most && this.#entries.length > 1)) {
      this.#bytes -= this.#entries.shift()?.bytes ?? 0;
      this.#first++;
    }
    this.#tell();
  }

  /** Nothing will be added any more: whoever follows is told, and may read what is kept. */
  end(): void {
    this.#ended = true;
    this.#tell();
  }

  /** Calls back after each entry, and at the end. Returns the function that ends that. */
  follow(follower: () => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #tell(): void {
    for (const follower of this.#followers) follower();
  }
}
