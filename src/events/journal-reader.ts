import type { Entry, Journal } from './journal.js';

/** About as much as is sent at once. */
const PIECE_CHARACTERS = 16 * 1024;

/** What a reader has: text, nothing yet, nothing any more, or a gap that it cannot go on over. */
export type Piece = { readonly text: string } | 'wait' | 'end' | 'cut';

/** Text that comes before the entry at that position; entries before it are told in another way. */
export interface Interlude<T extends Entry> {
  readonly at: number;
  readonly text: string;
  readonly before: (entry: T) => string;
}

export interface JournalReaderOptions<T extends Entry> {
  readonly journal: Journal<T>;
  /** Position of the first entry to read. */
  readonly from: number;
  /** Text that comes before that. */
  readonly head?: string;
  readonly interlude?: Interlude<T>;
  readonly wants: (entry: T) => boolean;
  /** What to say when so many entries are gone unread. Without it the reader cannot go on. */
  readonly tellLost?: (lost: number) => string;
}

/** Reads a journal at its own pace, in pieces. All that it holds is its position, and what is left of texts of its own. */
export class JournalReader<T extends Entry> {
  readonly #options: JournalReaderOptions<T>;
  #head: string;
  #interlude: Interlude<T> | undefined;
  #position: number;

  constructor(options: JournalReaderOptions<T>) {
    this.#options = options;
    this.#head = options.head ?? '';
    this.#interlude = options.interlude;
    this.#position = options.from;
  }

  /** Position of the next entry to read. */
  get position(): number {
    return this.#position;
  }

  /** Whether entries that were not read are gone, and it cannot go on. */
  get cutOff(): boolean {
    const { journal, tellLost } = this.#options;
    return tellLost === undefined && this.#position < journal.first;
  }

  /** The next piece. */
  next(): Piece {
    if (this.cutOff) return 'cut';
    if (this.#interlude !== undefined && this.#position >= this.#interlude.at) {
      this.#head += this.#interlude.text;
      this.#interlude = undefined;
    }
    if (this.#head !== '') return { text: this.#takeHead() };
    const { journal, wants, tellLost } = this.#options;
    let text = '';
    const lost = journal.first - this.#position;
    if (lost > 0) {
      this.#position = journal.first;
      text = tellLost?.(lost) ?? '';
    }
    const end = this.#interlude?.at ?? journal.next;
    while (this.#position < end && text.length < PIECE_CHARACTERS) {
      const entry = journal.at(this.#position++);
      if (entry !== undefined && wants(entry)) text += this.#interlude?.before(entry) ?? entry.text;
    }
    if (text !== '') return { text };
    // What was passed over on the way to it is nothing to send.
    if (this.#interlude !== undefined) return this.next();
    return journal.ended ? 'end' : 'wait';
  }

  /** Calls back when there may be something to read. Returns the function that ends that. */
  follow(follower: () => void): () => void {
    return this.#options.journal.follow(follower);
  }

  #takeHead(): string {
    let end = Math.min(PIECE_CHARACTERS, this.#head.length);
    // Not between the two halves of one character.
    if (/[\ud800-\udbff]/.test(this.#head[end - 1] ?? '')) end++;
    const text = this.#head.slice(0, end);
    this.#head = this.#head.slice(end);
    return text;
  }
}
