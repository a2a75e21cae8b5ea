import type { MessagePort } from 'node:worker_threads';
import { isUsedAgain, SpareMemory } from '../../feed/spare-memory.js';
import type { PutOptions } from '../../worker-module.js';
import { bytesToPut, contentTypeOf, metaOf, ownedBytes } from './put-arguments.js';
import type { PutAnswer, ThreadMessage } from './tasks.js';

/** Puts of one worker that may be under way at once: enough to keep the queue busy, too few to fill the memory. */
const MAX_UNDER_WAY = 64;

/**
 * Memory that a thread keeps beside that of as many items as it ever had under way at once: for items of up to so many sizes
 * in turn, such as images and their masks.
 */
const OTHER_SIZES = 3;

/** All of it together is no more than that, or one piece. */
const MOST_SPARE_BYTES = 16 * 1024 * 1024;

/** The group stops: the feed takes nothing any more. A worker that ends with it has not failed. */
export class FeedClosed extends Error {
  override readonly name = 'FeedClosed';

  constructor() {
    super('the feed takes no more items: the worker was asked to stop');
    made.add(this);
  }
}

/** All of them, to know them again: `instanceof` would run the traps of a Proxy that user code has thrown. */
const made = new WeakSet<object>();

/** Whether what was thrown is an error of the feed's end. */
export function isFeedClosed(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && made.has(thrown);
}

/** A put that the queue has not answered. */
interface Pending {
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Hands items of one worker to its host. */
export class Puts {
  readonly #port: MessagePort;
  readonly #maxBytes: number;
  readonly #pending: Pending[] = [];
  #bytes = 0;
  readonly #spare = new SpareMemory();
  /** What the worker has asked for, and not put yet. */
  readonly #allocated = new WeakSet<ArrayBuffer>();
  #mostUnderWay = 0;
  #listening = false;
  #onSettled: (() => void) | undefined;

  /** @param maxBytes what the queue can hold */
  constructor(port: MessagePort, maxBytes: number) {
    this.#port = port;
    this.#maxBytes = maxBytes;
  }

  /** Memory for an item, with whatever is in it. @throws RangeError when there is no such memory */
  allocate(bytes: number): ArrayBuffer {
    const buffer = this.#spare.take(bytes) ?? new ArrayBuffer(bytes);
    if (isUsedAgain(bytes)) this.#allocated.add(buffer);
    return buffer;
  }

  /** @throws TypeError, RangeError, FeedClosed: by the promise */
  put(item: unknown, options: PutOptions = {}): Promise<void> {
    let bytes: number;
    try {
      bytes = this.#handOver(item, options);
    } catch (error) {
      return Promise.reject(error);
    }
    const answered = new Promise<void>((resolve, reject) => this.#pending.push({ bytes, resolve, reject }));
    this.#mostUnderWay = Math.max(this.#mostUnderWay, this.#pending.length);
    // From here on only the stop can refuse it: who does not wait for the answer need not hear of that.
    answered.catch(() => {});
    return answered;
  }

  /** Returns the size of the item, which is on its way. */
  #handOver(item: unknown, options: PutOptions): number {
    if (typeof options !== 'object' || options === null)
      throw new TypeError('the second argument of ctx.put is an object: { contentType?, meta? }');
    const contentType = contentTypeOf(options);
    const meta = metaOf(options);
    const bytes = bytesToPut(item);
    const size = bytes.byteLength + (meta?.length ?? 0);
    if (size > this.#maxBytes) {
      throw new RangeError(
        `the item has ${size} bytes${meta === undefined ? '' : ' with its meta'}, more than the whole feed may hold (feed.maxBytes: ${this.#maxBytes})`,
      );
    }
    const many = this.#pending.length >= MAX_UNDER_WAY;
    if (many || (this.#pending.length > 0 && this.#bytes + size > this.#maxBytes)) {
      const what = many ? `${MAX_UNDER_WAY} items` : `${this.#bytes} bytes`;
      throw new RangeError(
        `${what} of this worker are waiting to be put already: await ctx.put(...) before the next`,
      );
    }
    this.#listen();
    this.#send(bytes, contentType, meta);
    this.#bytes += size;
    return size;
  }

  /** Resolves when every put is answered. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#pending.length === 0) resolve();
      else this.#onSettled = resolve;
    });
  }

  #send(item: Uint8Array, contentType: string, meta: string | undefined): void {
    const post = (bytes: Uint8Array<ArrayBuffer>, reusable: boolean) =>
      this.#port.postMessage({ type: 'put', bytes, contentType, meta, reusable } satisfies ThreadMessage, [
        bytes.buffer,
      ]);
    const whole = ownedBytes(item);
    if (whole !== undefined) {
      try {
        post(whole, this.#allocated.has(whole.buffer));
        return;
      } catch (error) {
        // Some memory cannot be moved: that of WebAssembly, and of Node's pool.
        if ((error as Error).name !== 'DataCloneError') throw error;
      }
    }
    post(new Uint8Array(item), false);
  }

  #keep(spare: ArrayBuffer): void {
    this.#spare.add(spare);
    const isTooMuch = () =>
      this.#spare.count > this.#mostUnderWay + OTHER_SIZES || this.#spare.bytes > MOST_SPARE_BYTES;
    while (this.#spare.count > 1 && isTooMuch()) this.#spare.freeOldest();
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#port.on('message', ({ taken, spare }: PutAnswer) => {
      if (spare !== undefined) this.#keep(spare);
      const pending = this.#pending.shift();
      if (pending === undefined) return;
      this.#bytes -= pending.bytes;
      if (taken) pending.resolve();
      else pending.reject(new FeedClosed());
      if (this.#pending.length === 0) this.#onSettled?.();
    });
  }
}
