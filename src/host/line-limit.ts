/** How much may pass in a second, and at once; long lines count for more. */
export interface LineRate {
  readonly lines: number;
  readonly burstLines: number;
  readonly characters: number;
  readonly burstCharacters: number;
}

const KIB = 1024;

/** What one source may log: enough to read, too little to hurt. */
export const SOURCE_RATE: LineRate = {
  lines: 200,
  burstLines: 1_000,
  characters: 256 * KIB,
  burstCharacters: 1024 * KIB,
};

/** What a host may log in all, whatever it is made of: each line costs the control plane 10 to 30 microseconds. */
export const HOST_RATE: LineRate = {
  lines: 1_000,
  burstLines: 5_000,
  characters: 1024 * KIB,
  burstCharacters: 4 * 1024 * KIB,
};

/** How often it is told that lines were dropped, at most. */
const TELL_MS = 1_000;

/** Bounds the lines of one source at that source, and counts what it drops. */
export class LineLimit {
  readonly #now: () => number;
  readonly #rate: LineRate;
  #lines: number;
  #characters: number;
  #refilledAt: number;
  #toldAt: number;
  #dropped = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number, rate = SOURCE_RATE) {
    this.#now = now;
    this.#rate = rate;
    this.#lines = rate.burstLines;
    this.#characters = rate.burstCharacters;
    this.#refilledAt = now();
    this.#toldAt = this.#refilledAt;
  }

  /** Whether one more line, of so many characters, may pass. */
  take(characters: number): boolean {
    const now = this.#now();
    const seconds = (now - this.#refilledAt) / 1000;
    const { burstLines, burstCharacters } = this.#rate;
    this.#lines = Math.min(burstLines, this.#lines + seconds * this.#rate.lines);
    this.#characters = Math.min(burstCharacters, this.#characters + seconds * this.#rate.characters);
    this.#refilledAt = now;
    if (this.#lines >= 1 && this.#characters >= characters) {
      this.#lines--;
      this.#characters -= characters;
      return true;
    }
    this.drop(1);
    return false;
  }

  /** Lines that nobody even looked at. */
  drop(lines: number): void {
    this.#dropped += lines;
  }

  /** What there is to say about dropped lines, at most once a second unless it is the last word. */
  complaint(last = false): { text: string; droppedLines: number } | undefined {
    if (this.#dropped === 0 || (!last && this.#now() - this.#toldAt < TELL_MS)) return undefined;
    const droppedLines = this.#dropped;
    this.#toldAt = this.#now();
    this.#dropped = 0;
    const rate = `${this.#rate.lines} lines or ${this.#rate.characters / KIB} KiB a second`;
    return { text: `${droppedLines} log lines were dropped: more than ${rate}`, droppedLines };
  }
}
