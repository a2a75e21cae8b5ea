import { types } from 'node:util';

const TypedArray = Object.getPrototypeOf(Uint8Array).prototype;

/**
 * The bytes of a buffer or a view, as they are. Its own properties are not asked: by the names of `buffer` and
 * `byteLength` an object may have some that say anything, and something else each time.
 *
 * @throws TypeError when they were moved away
 */
export function bytesOf(item: ArrayBufferView | ArrayBuffer | SharedArrayBuffer): Uint8Array {
  if (!ArrayBuffer.isView(item)) return new Uint8Array(item);
  const prototype = types.isDataView(item) ? DataView.prototype : TypedArray;
  const get = (key: 'buffer' | 'byteOffset' | 'byteLength') => Reflect.get(prototype, key, item);
  return new Uint8Array(get('buffer'), get('byteOffset'), get('byteLength'));
}
