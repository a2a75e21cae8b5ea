import { types } from 'node:util';
import { bytesOf } from './bytes-of.js';

/** Element types of the safetensors format, with their size in bytes. */
const SIZES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

/** What holds elements of each type; those of one byte are just bytes. */
const ARRAYS: Partial<Record<string, readonly string[]>> = {
  F64: ['Float64Array'],
  F32: ['Float32Array'],
  F16: ['Float16Array', 'Uint16Array'],
  BF16: ['Uint16Array'],
  I64: ['BigInt64Array'],
  I32: ['Int32Array'],
  I16: ['Int16Array'],
  U64: ['BigUint64Array'],
  U32: ['Uint32Array'],
  U16: ['Uint16Array'],
};

/** Element type of a tensor, as safetensors names it. */
export type TensorType = keyof typeof SIZES;

/** One tensor: its elements as they lie in memory, row by row; little-endian, as nearly all machines are. */
export interface Tensor {
  readonly dtype: TensorType;
  /** Whole numbers from 0; `[]` is a single element. */
  readonly shape: readonly number[];
  /** As many bytes as the shape needs: a typed array of the element type, or bytes. */
  readonly data: ArrayBufferView | ArrayBuffer | SharedArrayBuffer;
}

/** The first tensor begins at a multiple of so many bytes; the format lets nothing stand between it and the others. */
const ALIGNMENT = 8;

/**
 * Puts tensors into one buffer in the safetensors format, in the order of their names in the object (in which
 * JavaScript has names that are whole numbers first): what `safetensors.torch.load` and the like read. The data is copied.
 *
 * @param metadata text that goes with them, as `__metadata__`
 * @param allocate where the memory comes from: all of it is written over
 * @throws TypeError when a type, a shape, a name or the metadata is not valid
 * @throws RangeError when there are more or fewer bytes than a shape needs
 */
export function tensors(
  of: Readonly<Record<string, Tensor>>,
  metadata?: Readonly<Record<string, string>>,
  allocate: (bytes: number) => ArrayBuffer = (bytes) => new ArrayBuffer(bytes),
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = Object.create(null);
  if (metadata !== undefined) header['__metadata__'] = checkMetadata(metadata);
  let end = 0;
  const parts = Object.entries(of).map(([name, tensor]) => {
    const { dtype, shape, bytes } = check(name, tensor);
    const begin = end;
    end += bytes.byteLength;
    header[name] = { dtype, shape, data_offsets: [begin, end] };
    return { begin, bytes };
  });
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.byteLength / ALIGNMENT) * ALIGNMENT;
  const all = new Uint8Array(allocate(8 + headerBytes + end));
  new DataView(all.buffer).setBigUint64(0, BigInt(headerBytes), true);
  // The format lets a header end with spaces.
  all.fill(0x20, 8 + json.byteLength, 8 + headerBytes);
  all.set(json, 8);
  for (const { begin, bytes } of parts) all.set(bytes, 8 + headerBytes + begin);
  return all;
}

/** What is checked is what is written: everything is read once, since reading it again may give something else. */
function check(
  name: string,
  described: Tensor,
): { dtype: TensorType; shape: readonly number[]; bytes: Uint8Array } {
  if (name === '__metadata__')
    throw new TypeError('a tensor cannot be called "__metadata__": the format has its own use for that');
  const tensor = `tensor "${name}"`;
  if (typeof described !== 'object' || described === null || !('dtype' in described))
    throw new TypeError(`${tensor} must be an object such as { dtype: 'F32', shape: [32, 64], data }`);
  const { dtype, shape: given, data } = described;
  if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) {
    const what = typeof dtype === 'string' ? JSON.stringify(dtype) : `of type ${typeof dtype}`;
    throw new TypeError(`${tensor}: dtype ${what} is none of ${Object.keys(SIZES).join(', ')}`);
  }
  // Holes become undefined, which `every` does not pass by.
  const shape = Array.isArray(given) ? Array.from(given) : undefined;
  if (!shape?.every((length) => Number.isSafeInteger(length) && length >= 0))
    throw new TypeError(`${tensor}: shape must be an array of whole numbers from 0`);
  const isView = ArrayBuffer.isView(data);
  // Not by `instanceof`: what a vm context has made is of other classes.
  if (!isView && !types.isAnyArrayBuffer(data))
    throw new TypeError(`${tensor}: data must be a typed array or a buffer`);
  const size = SIZES[dtype];
  // Elements of another size are most likely numbers of another kind, whose bytes would mean nothing.
  const element = isView && 'BYTES_PER_ELEMENT' in data ? Number(data.BYTES_PER_ELEMENT) : 1;
  if (element !== 1 && element !== size)
    throw new TypeError(
      `${tensor}: elements of ${dtype} have ${size} bytes, those of the data have ${element}`,
    );
  const kind = isView && element !== 1 ? String(Reflect.get(data, Symbol.toStringTag)) : undefined;
  if (kind !== undefined && ARRAYS[dtype]?.includes(kind) !== true)
    throw new TypeError(`${tensor}: elements of ${dtype} are in ${ARRAYS[dtype]?.[0]}, not in ${kind}`);
  const expected = shape.reduce((product, length) => product * length, size);
  const bytes = bytesOf(data);
  if (bytes.byteLength !== expected) {
    const form = `[${shape.join(', ')}]`;
    throw new RangeError(
      `${tensor}: ${dtype} ${form} needs ${expected} bytes, the data has ${bytes.byteLength}`,
    );
  }
  return { dtype, shape, bytes };
}

/** A copy, for the same reason. */
function checkMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  if (!isPlain(metadata))
    throw new TypeError("metadata must be a plain object of texts, such as { made: 'today' }");
  const entries = Object.entries(metadata);
  for (const [key, value] of entries)
    if (typeof value !== 'string')
      throw new TypeError(`metadata "${key}" must be text: the format has nothing else`);
  return Object.fromEntries(entries);
}

/** Of a class there may be more to it than its own properties. Another realm has an `Object.prototype` of its own. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
