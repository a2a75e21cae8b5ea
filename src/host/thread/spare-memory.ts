import { release } from '../../release.js';

/** Below this size new memory costs no more than what it takes to send the old one back. */
export const LEAST_SPARE_BYTES = 64 * 1024;

/** What one worker keeps at the most: more than a taker takes at a time helps nobody. */
const MAX_SPARE_BYTES = 8 * 1024 * 1024;

/**
 * Memory of items that were taken, for the next items of the same worker. New memory of a megabyte is a few hundred
 * pages that the operating system has to clear and hand over one by one, which takes longer than to fill them.
 */
export class SpareMemory {
  /** The oldest first. */
  readonly #spare: ArrayBuffer[] = [];
  #bytes = 0;
  #open = true;

  /** A buffer of exactly so many bytes, with whatever is in it. @throws RangeError when there is no such memory */
  take(bytes: number): ArrayBuffer {
    const at = this.#spare.findLastIndex(({ byteLength }) => byteLength === bytes);
    if (at === -1) return new ArrayBuffer(bytes);
    this.#bytes -= bytes;
    return this.#spare.splice(at, 1)[0] as ArrayBuffer;
  }

  /** All of it, which is not kept here any more. */
  takeAll(): ArrayBuffer[] {
    this.#bytes = 0;
    return this.#spare.splice(0);
  }

  /** Keeps nothing from now on until it is opened. */
  close(): void {
    this.#open = false;
    for (const buffer of this.takeAll()) release(buffer);
  }

  open(): void {
    this.#open = true;
  }

  add(buffer: ArrayBuffer): void {
    if (!this.#open) {
      release(buffer);
      return;
    }
    this.#spare.push(buffer);
    this.#bytes += buffer.byteLength;
    while (this.#bytes > MAX_SPARE_BYTES) {
      const oldest = this.#spare.shift() as ArrayBuffer;
      this.#bytes -= oldest.byteLength;
      release(oldest);
    }
  }
}
