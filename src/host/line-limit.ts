/** Lines a second that one source may log, and how many at once: enough to read, too few to hurt. */
export const LINES_PER_SECOND = 200;
const BURST = 1_000;
/** How often it is told that lines were dropped, at most. */
const TELL_MS = 1_000;

/** Bounds the lines of one source at that source, and counts what it drops. */
export class LineLimit {
  readonly #now: () => number;
  #tokens = BURST;
  #refilledAt: number;
  #toldAt: number;
  #dropped = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#refilledAt = now();
    this.#toldAt = this.#refilledAt;
  }

  /** Whether one more line may pass. */
  take(): boolean {
    const now = this.#now();
    this.#tokens = Math.min(BURST, this.#tokens + ((now - this.#refilledAt) / 1000) * LINES_PER_SECOND);
    this.#refilledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    this.#dropped++;
    return false;
  }

  /** What there is to say about dropped lines, at most once a second unless it is the last word. */
  complaint(last = false): string | undefined {
    if (this.#dropped === 0 || (!last && this.#now() - this.#toldAt < TELL_MS)) return undefined;
    const text = `${this.#dropped} log lines were dropped: more than ${LINES_PER_SECOND} a second`;
    this.#toldAt = this.#now();
    this.#dropped = 0;
    return text;
  }
}
