import { types } from 'node:util';
import { bytesOf } from '../../bytes-of.js';
import type { PutOptions } from '../../worker-module.js';
import { describeThrown } from './thrown.js';

const DEFAULT_TYPE = 'application/octet-stream';
const MAX_TYPE = 256;
/** It travels in a header. */
const MAX_META = 8 * 1024;

/** The bytes that are put. @throws TypeError for what is no bytes, or was moved away */
export function bytesToPut(item: unknown): Uint8Array {
  if (types.isAnyArrayBuffer(item) || ArrayBuffer.isView(item)) {
    try {
      return bytesOf(item);
    } catch {
      throw new TypeError(
        'the item was moved away before, by an earlier put or a transfer: make a new buffer for each put',
      );
    }
  }
  const what = item === null ? 'null' : Array.isArray(item) ? 'an array' : `a value of type ${typeof item}`;
  const advice =
    typeof item === 'string'
      ? 'encode it, as by new TextEncoder().encode(text)'
      : 'give it an ArrayBuffer, a typed array, a DataView or a Buffer';
  throw new TypeError(`ctx.put takes bytes, not ${what}: ${advice}`);
}

/** The whole of a buffer, which can be moved; undefined where others may have a part of it. */
export function ownedBytes({ buffer, byteLength }: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  // Not by `instanceof`: what a vm context has made is of other classes.
  if (!types.isArrayBuffer(buffer)) return undefined;
  // One that can change its size would do so in the hands of the next, too.
  if (Reflect.get(ArrayBuffer.prototype, 'resizable', buffer) === true) return undefined;
  const whole = new Uint8Array(buffer);
  return byteLength === whole.byteLength ? whole : undefined;
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
    throw new TypeError(`meta cannot be written as JSON: ${describeThrown(error).message}`);
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
