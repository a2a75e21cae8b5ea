import { release } from '../release.js';

/** Below this size new memory costs no more than what it takes to send the old one back. */
const LEAST_SPARE_BYTES = 64 * 1024;

/** Whether memory of this size is used again. */
export function isUsedAgain(bytes: number): boolean {
  return bytes >= LEAST_SPARE_BYTES;
}

/**
 * Memory of items that were taken, for the next items of the same size. New memory of a megabyte is a few hundred pages
 * that the operating system has to clear and hand over one by one, which takes longer than to fill them. How much may wait
 * is for its owner to say.
 */
export class SpareMemory {
  /** The oldest first. */
  readonly #spare: ArrayBuffer[] = [];
  #bytes = 0;
  /** The least there was since the last look at what nobody needs. */
  #least = 0;

  get count(): number {
    return this.#spare.length;
  }
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

  /** Frees the oldest, if there is one. */
  freeOldest(): void {
    const oldest = this.#spare.shift();
    if (oldest === undefined) return;
    this.#changeBytes(-oldest.byteLength);
    release(oldest);
  }

  /** Frees the oldest until no more than so many bytes are left. */
  shrinkTo(bytes: number): void {
    while (this.#bytes > bytes) this.freeOldest();
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
