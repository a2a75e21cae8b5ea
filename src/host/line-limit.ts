/** Lines a second that one source may log, and how many at once: enough to read, too few to hurt. */
export const LINES_PER_SECOND = 200;
const BURST_LINES = 1_000;
/** The same in characters: long lines count for more. */
const CHARACTERS_PER_SECOND = 256 * 1024;
const BURST_CHARACTERS = 1024 * 1024;
/** How often it is told that lines were dropped, at most. */
const TELL_MS = 1_000;

/** Bounds the lines of one source at that source, and counts what it drops. */
export class LineLimit {
  readonly #now: () => number;
  #lines = BURST_LINES;
  #characters = BURST_CHARACTERS;
  #refilledAt: number;
  #toldAt: number;
  #dropped = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#refilledAt = now();
    this.#toldAt = this.#refilledAt;
  }

  /** Whether one more line, of so many characters, may pass. */
  take(characters: number): boolean {
    const now = this.#now();
    const seconds = (now - this.#refilledAt) / 1000;
    this.#lines = Math.min(BURST_LINES, this.#lines + seconds * LINES_PER_SECOND);
    this.#characters = Math.min(BURST_CHARACTERS, this.#characters + seconds * CHARACTERS_PER_SECOND);
    this.#refilledAt = now;
    if (this.#lines >= 1 && this.#characters >= characters) {
      this.#lines--;
      this.#characters -= characters;
      return true;
    }
    this.#dropped++;
    return false;
  }

  /** What there is to say about dropped lines, at most once a second unless it is the last word. */
  complaint(last = false): { text: string; droppedLines: number } | undefined {
    if (this.#dropped === 0 || (!last && this.#now() - this.#toldAt < TELL_MS)) return undefined;
    const droppedLines = this.#dropped;
    this.#toldAt = this.#now();
    this.#dropped = 0;
    const rate = `${LINES_PER_SECOND} lines or ${CHARACTERS_PER_SECOND / 1024} KiB a second`;
    return { text: `${droppedLines} log lines were dropped: more than ${rate}`, droppedLines };
  }
}
