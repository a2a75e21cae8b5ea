/** Turns of the event loop in a row that have to be late: one long answer, or a start, is no overload. */
const IN_A_ROW = 3;

/** Whether the service has more to do than it can, from how late its own timer is called and how full its heap is. */
export class LoadMeter {
  readonly #maxLateMs: number;
  readonly #maxHeapBytes: number;
  #late = 0;
  #heapBytes = 0;

  constructor(maxLateMs: number, maxHeapBytes: number) {
    this.#maxLateMs = maxLateMs;
    this.#maxHeapBytes = maxHeapBytes;
  }

  /** A call of the timer, so many milliseconds later than it was due. */
  note(lateMs: number, heapBytes: number): void {
    this.#late = lateMs > this.#maxLateMs ? this.#late + 1 : 0;
    this.#heapBytes = heapBytes;
  }

  /** What there is too much of; undefined when all is well. */
  get overload(): 'work' | 'memory' | undefined {
    if (this.#late >= IN_A_ROW) return 'work';
    return this.#heapBytes > this.#maxHeapBytes ? 'memory' : undefined;
  }
}
