import { release } from '../release.js';

/** Below this size new memory costs no more than what it takes to send the old one back. */
const LEAST_SPARE_BYTES = 64 * 1024;

/** What is kept of it in a host, and in each thread on its way: what a few takers get in an answer. */
export const MOST_SPARE_BYTES = 32 * 1024 * 1024;

/** Whether memory of this size is used again. */
export function isUsedAgain(bytes: number): boolean {
  return bytes >= LEAST_SPARE_BYTES && bytes <= MOST_SPARE_BYTES;
}

/**
 * Memory of items that were taken, for the next items of the same size. New memory of a megabyte is a few hundred pages
 * that the operating system has to clear and hand over one by one, which takes longer than to fill them.
 */
export class SpareMemory {
  readonly #mostBytes: number;
  /** The oldest first. */
  readonly #spare: ArrayBuffer[] = [];
  #bytes = 0;

  /** @param mostBytes how much is kept; beyond it the oldest is freed */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** A buffer of exactly so many bytes, with whatever is in it; the latest, which a cache may still hold. */
  take(bytes: number): ArrayBuffer | undefined {
    const at = this.#spare.findLastIndex(({ byteLength }) => byteLength === bytes);
    if (at === -1) return undefined;
    this.#bytes -= bytes;
    return this.#spare.splice(at, 1)[0];
  }

  add(buffer: ArrayBuffer): void {
    if (buffer.byteLength > this.#mostBytes) {
      release(buffer);
      return;
    }
    this.#spare.push(buffer);
    this.#bytes += buffer.byteLength;
    while (this.#bytes > this.#mostBytes) {
      const oldest = this.#spare.shift() as ArrayBuffer;
      this.#bytes -= oldest.byteLength;
      release(oldest);
    }
  }
}
