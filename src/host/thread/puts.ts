import { types } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import { isUsedAgain, MOST_SPARE_BYTES, SpareMemory } from '../../feed/spare-memory.js';
import type { PutOptions } from '../../worker-module.js';
import type { PutAnswer, ThreadMessage } from './tasks.js';

/** Puts of one worker that may be under way at once: enough to keep the queue busy, too few to fill the memory. */
const MAX_UNDER_WAY = 64;
const DEFAULT_TYPE = 'application/octet-stream';
const MAX_TYPE = 256;
/** It travels in a header. */
const MAX_META = 8 * 1024;

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
  /** How often the worker has asked for memory that it has put no item in yet: so much of it is to come back. */
  #wanted = 0;
  #listening = false;
  #onSettled: (() => void) | undefined;

  /** @param maxBytes what the queue can hold */
  constructor(port: MessagePort, maxBytes: number) {
    this.#port = port;
    this.#maxBytes = maxBytes;
  }

  /** Memory for an item, with whatever is in it. @throws RangeError when there is no such memory */
  allocate(bytes: number): ArrayBuffer {
    if (isUsedAgain(bytes)) this.#wanted++;
    const spare = this.#spare.take(bytes);
    if (spare !== undefined) return spare;
    // What is of other sizes makes room: items of many sizes find little of their own, and would leave ever more behind.
    this.#spare.shrinkTo(Math.max(0, this.#spare.bytes - bytes));
    return new ArrayBuffer(bytes);
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
    const size = sizeOf(item);
    if (size > this.#maxBytes) {
      throw new RangeError(
        `the item has ${size} bytes, more than the whole feed may hold (feed.maxBytes: ${this.#maxBytes})`,
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
    this.#send(item as ArrayBuffer | ArrayBufferView, contentType, meta);
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

  #send(item: ArrayBuffer | ArrayBufferView, contentType: string, meta: string | undefined): void {
    const returns = this.#wanted > 0 && isUsedAgain(item.byteLength);
    if (returns) this.#wanted--;
    const post = (bytes: Uint8Array<ArrayBuffer>) =>
      this.#port.postMessage({ type: 'put', bytes, contentType, meta, returns } satisfies ThreadMessage, [
        bytes.buffer,
      ]);
    const whole = ownedBytes(item);
    if (whole !== undefined) {
      try {
        post(whole);
        return;
      } catch (error) {
        // Some memory cannot be moved: that of WebAssembly, and of Node's pool.
        if ((error as Error).name !== 'DataCloneError') throw error;
      }
    }
    post(copyOf(item));
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#port.on('message', ({ taken, spare }: PutAnswer) => {
      if (spare !== undefined) this.#spare.add(spare);
      this.#spare.shrinkTo(MOST_SPARE_BYTES);
      const pending = this.#pending.shift();
      if (pending === undefined) return;
      this.#bytes -= pending.bytes;
      if (taken) pending.resolve();
      else pending.reject(new FeedClosed());
      if (this.#pending.length === 0) this.#onSettled?.();
    });
  }
}

function sizeOf(item: unknown): number {
  if (types.isAnyArrayBuffer(item) || ArrayBuffer.isView(item)) {
    const buffer = ArrayBuffer.isView(item) ? item.buffer : item;
    if (types.isArrayBuffer(buffer) && isDetached(buffer)) throw detached();
    return item.byteLength;
  }
  const what = item === null ? 'null' : Array.isArray(item) ? 'an array' : `a value of type ${typeof item}`;
  const advice =
    typeof item === 'string'
      ? 'encode it, as by new TextEncoder().encode(text)'
      : 'give it an ArrayBuffer, a typed array, a DataView or a Buffer';
  throw new TypeError(`ctx.put takes bytes, not ${what}: ${advice}`);
}

/** An empty buffer may be detached, or only empty: a view over a detached one cannot be made. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function detached(): TypeError {
  return new TypeError(
    'the item was moved away before, by an earlier put or a transfer: make a new buffer for each put',
  );
}

/** The whole of a buffer, which can be moved; undefined where others may have a part of it. */
function ownedBytes(
  item: ArrayBuffer | SharedArrayBuffer | ArrayBufferView,
): Uint8Array<ArrayBuffer> | undefined {
  // Not by `instanceof`: what a vm context has made is of other classes.
  if (types.isSharedArrayBuffer(item)) return undefined;
  const buffer = types.isArrayBuffer(item) ? item : item.buffer;
  // One that can change its size would do so in the hands of the next, too.
  if (!types.isArrayBuffer(buffer) || ('resizable' in buffer && buffer.resizable)) return undefined;
  return item.byteLength === buffer.byteLength ? new Uint8Array(buffer) : undefined;
}

function copyOf(item: ArrayBuffer | SharedArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(item)
    ? new Uint8Array(item.buffer, item.byteOffset, item.byteLength)
    : new Uint8Array(item);
  const copy = new Uint8Array(view.byteLength);
  copy.set(view);
  return copy;
}

function contentTypeOf({ contentType = DEFAULT_TYPE }: PutOptions): string {
  if (
    typeof contentType === 'string' &&
    contentType.length <= MAX_TYPE &&
    /^[!-~]([ -~]*[!-~])?$/.test(contentType)
  )
    return contentType;
  throw new TypeError(
    `contentType must be a media type in ASCII of up to ${MAX_TYPE} characters, such as "image/png"`,
  );
}

function metaOf({ meta }: PutOptions): string | undefined {
  if (meta === undefined) return undefined;
  let json: string | undefined;
  try {
    json = JSON.stringify(meta);
  } catch (error) {
    throw new TypeError(`meta cannot be written as JSON: ${(error as Error).message}`);
  }
  if (json === undefined) throw new TypeError('meta cannot be written as JSON: give it plain data');
  const ascii = json.replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (ascii.length > MAX_META)
    throw new RangeError(
      `meta has ${ascii.length} characters as JSON, more than ${MAX_META}: put it into the item`,
    );
  return ascii;
}
