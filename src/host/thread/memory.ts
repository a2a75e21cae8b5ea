import { monotonicMs } from '../../monotonic.js';
import type { WorkerReport } from '../host-message.js';

const HEADER_BYTES = 8;
/** The flag that asks the worker to stop, in `flags`. */
export const STOP = 0;
/** How many workers the group has, in `flags`. */
const COUNT = 1;
/**
 * Cells of `cells`: milliseconds in the worker function, failed calls, the end of the last call, when the loop last
 * went on after a pause or will (0 outside of the loop), dropped log lines and messages, then the buckets. Moments are
 * `monotonicMs`.
 */
export const SUM = 0;
export const ERRORS = 1;
export const PROGRESS = 2;
export const RESUMED = 3;
const DROPPED_LINES = 4;
const DROPPED_MESSAGES = 5;
export const BUCKETS = 6;

/**
 * The memory that one worker's thread and its host share. The thread writes counters, with plain stores: one
 * writer, and every cell is a whole number or a sum that only the report looks at. The host reads them at any
 * moment, however busy the thread is, and sets the flag that asks it to stop.
 */
export class WorkerMemory {
  readonly buffer: SharedArrayBuffer;
  readonly flags: Int32Array;
  readonly cells: Float64Array;
  #known = { moment: 0, timeOfDay: 0 };

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.flags = new Int32Array(buffer, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT);
    this.cells = new Float64Array(buffer, HEADER_BYTES);
  }

  /** Memory for a worker whose calls are counted over `bounds` upper bounds. */
  static allocate(bounds: number): WorkerMemory {
    const cells = BUCKETS + bounds + 1;
    return new WorkerMemory(new SharedArrayBuffer(HEADER_BYTES + cells * Float64Array.BYTES_PER_ELEMENT));
  }

  get stopRequested(): boolean {
    return Atomics.load(this.flags, STOP) !== 0;
  }

  /** How many workers the group has. */
  get count(): number {
    return Atomics.load(this.flags, COUNT);
  }

  /** Since when the present call runs, by `monotonicMs`; in the future when it is not due yet, 0 without one. */
  get callSince(): number {
    const resumed = this.cells[RESUMED] ?? 0;
    return resumed === 0 ? 0 : Math.max(resumed, this.cells[PROGRESS] ?? 0);
  }

  setCount(count: number): void {
    Atomics.store(this.flags, COUNT, count);
  }

  /** A thread is about to use it; what earlier threads have counted stays. */
  begin(count: number): void {
    this.setCount(count);
    this.cells[RESUMED] = 0;
    Atomics.store(this.flags, STOP, 0);
  }

  droppedLine(): void {
    this.cells[DROPPED_LINES] = (this.cells[DROPPED_LINES] ?? 0) + 1;
  }

  droppedMessage(): void {
    this.cells[DROPPED_MESSAGES] = (this.cells[DROPPED_MESSAGES] ?? 0) + 1;
  }

  /** No thread uses it any more. */
  end(): void {
    this.cells[RESUMED] = 0;
  }

  requestStop(): void {
    Atomics.store(this.flags, STOP, 1);
    Atomics.notify(this.flags, STOP);
  }

  /** Resolves when stop is asked, in 1 to 2 ms; needs no message port and no timer. */
  async stopAsked(): Promise<void> {
    const wait = Atomics.waitAsync(this.flags, STOP, 0);
    if (wait.async) await wait.value;
  }

  read(id: number): WorkerReport {
    const { cells } = this;
    const progress = cells[PROGRESS] ?? 0;
    return {
      id,
      seconds: (cells[SUM] ?? 0) / 1000,
      errors: cells[ERRORS] ?? 0,
      buckets: Array.from(cells.subarray(BUCKETS)),
      progressAt: this.#timeOfDay(progress),
      droppedLines: cells[DROPPED_LINES] ?? 0,
      droppedMessages: cells[DROPPED_MESSAGES] ?? 0,
    };
  }

  /** When a moment was, by the time of day as it is when the moment is first asked for. */
  #timeOfDay(moment: number): number {
    if (this.#known.moment !== moment) {
      this.#known = { moment, timeOfDay: Math.max(0, Math.round(Date.now() - (monotonicMs() - moment))) };
    }
    return this.#known.timeOfDay;
  }
}
