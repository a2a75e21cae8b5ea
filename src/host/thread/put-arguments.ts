import { types } from 'node:util';
import type { PutOptions } from '../../worker-module.js';

const DEFAULT_TYPE = 'application/octet-stream';
const MAX_TYPE = 256;
/** It travels in a header. */
const MAX_META = 8 * 1024;

/** @throws TypeError for what is no bytes, or was moved away */
export function sizeOf(item: unknown): number {
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
export function ownedBytes(
  item: ArrayBuffer | SharedArrayBuffer | ArrayBufferView,
): Uint8Array<ArrayBuffer> | undefined {
  // Not by `instanceof`: what a vm context has made is of other classes.
  if (types.isSharedArrayBuffer(item)) return undefined;
  const buffer = types.isArrayBuffer(item) ? item : item.buffer;
  // One that can change its size would do so in the hands of the next, too.
  if (!types.isArrayBuffer(buffer) || ('resizable' in buffer && buffer.resizable)) return undefined;
  return item.byteLength === buffer.byteLength ? new Uint8Array(buffer) : undefined;
}

export function copyOf(item: ArrayBuffer | SharedArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(item)
    ? new Uint8Array(item.buffer, item.byteOffset, item.byteLength)
    : new Uint8Array(item);
  const copy = new Uint8Array(view.byteLength);
  copy.set(view);
  return copy;
}

/** @throws TypeError for what is no media type */
export function contentTypeOf({ contentType = DEFAULT_TYPE }: PutOptions): string {
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

/** The metadata as JSON in ASCII. @throws TypeError for what JSON cannot hold, RangeError for too much */
export function metaOf({ meta }: PutOptions): string | undefined {
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
