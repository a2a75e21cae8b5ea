import { release } from '../release.js';

/** Below this size new memory costs no more than what it takes to send the old one back. */
const LEAST_SPARE_BYTES = 64 * 1024;

/** The largest that is used again, and what a thread may have of it: what a few takers get in an answer. */
export const MOST_SPARE_BYTES = 32 * 1024 * 1024;

/** Whether memory of this size is used again. */
export function isUsedAgain(bytes: number): boolean {
  return bytes >= LEAST_SPARE_BYTES && bytes <= MOST_SPARE_BYTES;
}

/**
 * Memory of items that were taken, for the next items of the same size. New memory of a megabyte is a few hundred pages
 * that the operating system has to clear and hand over one by one, which takes longer than to fill them. How much may wait
 * is for its owner to say, by `shrinkTo`.
 */
export class SpareMemory {
  /** The oldest first. */
  readonly #spare: ArrayBuffer[] = [];
  #bytes = 0;
  /** The least there was since the last look at what nobody needs. */
  #least = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** A buffer of exactly so many bytes, with whatever is in it; the latest, which a cache may still hold. */
  take(bytes: number): ArrayBuffer | undefined {
    const at = this.#spare.findLastIndex(({ byteLength }) => byteLength === bytes);
    if (at === -1) return undefined;
    this.#changeBytes(-bytes);
    return this.#spare.splice(at, 1)[0];
  }

  add(buffer: ArrayBuffer): void {
    this.#spare.push(buffer);
    this.#changeBytes(buffer.byteLength);
  }

  /** Frees the oldest until no more than so many bytes are left. */
  shrinkTo(bytes: number): void {
    while (this.#bytes > bytes) {
      const oldest = this.#spare.shift() as ArrayBuffer;
      this.#changeBytes(-oldest.byteLength);
      release(oldest);
    }
  }

  /** Frees as much as nobody has needed since the last call. */
  freeUnneeded(): void {
    this.shrinkTo(this.#bytes - this.#least);
    this.#least = this.#bytes;
  }

  #changeBytes(by: number): void {
    this.#bytes += by;
    this.#least = Math.min(this.#least, this.#bytes);
  }
}
