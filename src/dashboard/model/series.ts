/** What is drawn of a group, one number a moment; null where there is nothing to say, which leaves a gap. */
export interface Point {
  readonly perSecond: number | null;
  /** Seconds. */
  readonly median: number | null;
  readonly p99: number | null;
  readonly feedDepth: number | null;
  readonly itemsPerSecond: number | null;
  /** 0 to 1. */
  readonly takeWaitShare: number | null;
  readonly putWaitShare: number | null;
  readonly memoryMib: number | null;
}
export type Measure = keyof Point;

export const NO_POINT: Point = {
  perSecond: null,
  median: null,
  p99: null,
  feedDepth: null,
  itemsPerSecond: null,
  takeWaitShare: null,
  putWaitShare: null,
  memoryMib: null,
};

/** How long a point is kept: what "the last minutes" are. */
export const KEEP_SECONDS = 300;

/** The points of the last minutes, in the columns that plots take. */
export class Series {
  readonly #times: number[] = [];
  readonly #points: Point[] = [];
  readonly #keepSeconds: number;

  constructor(keepSeconds = KEEP_SECONDS) {
    this.#keepSeconds = keepSeconds;
  }

  get length(): number {
    return this.#times.length;
  }

  /** Seconds of each point, ascending. */
  get times(): readonly number[] {
    return this.#times;
  }

  column(measure: Measure): (number | null)[] {
    return this.#points.map((point) => point[measure]);
  }

  /** Adds a point, and forgets those that are older than what is kept. */
  add(seconds: number, point: Point): void {
    this.#times.push(seconds);
    this.#points.push(point);
    const first = this.#times.findIndex((time) => time >= seconds - this.#keepSeconds);
    this.#times.splice(0, first);
    this.#points.splice(0, first);
  }
}
