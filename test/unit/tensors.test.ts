import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { type Tensor, tensors } from '#dist/index.js';
import { requires } from '../support/requires.js';

/** Reads the format as its documentation has it, and tells what it found; every byte of the data as hexadecimal. */
const READER = `
import json, struct, sys
data = sys.stdin.buffer.read()
(size,) = struct.unpack_from("<Q", data)
header = json.loads(data[8:8 + size])
meta = header.pop("__metadata__", None)
found, at = {}, 0
for name, info in header.items():
    begin, end = info["data_offsets"]
    assert begin == at, "tensors follow each other without holes"
    at = end
    found[name] = [info["dtype"], info["shape"], data[8 + size:][begin:end].hex()]
assert at == len(data) - 8 - size, "and fill the buffer"
print(json.dumps({"size": size, "meta": meta, "found": found}))
`;

const f32 = (values: number[]) => Float32Array.from(values);
const hex = (data: Tensor['data']) =>
  Buffer.from(
    ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data,
  ).toString('hex');

test('what it makes is read back in Python, byte for byte', requires('python3'), () => {
  const whole = f32([0, 1, 2, 3, 4, 5]);
  const of: Record<string, Tensor> = {
    images: { dtype: 'F32', shape: [2, 3], data: f32([0.5, -1, 1e9, 0, -0, 2]) },
    labels: { dtype: 'U8', shape: [3], data: Uint8Array.of(7, 0, 255) },
    part: { dtype: 'F32', shape: [2], data: whole.subarray(2, 4) },
    'ä "b"\n': { dtype: 'F64', shape: [], data: Float64Array.of(Math.PI) },
    empty: { dtype: 'I64', shape: [0, 4], data: new BigInt64Array(0) },
    ids: { dtype: 'U64', shape: [1], data: BigUint64Array.of(2n ** 63n) },
    halves: { dtype: 'BF16', shape: [2], data: Uint16Array.of(1, 2) },
    flags: { dtype: 'BOOL', shape: [2], data: Uint8Array.of(0, 1) },
    shared: { dtype: 'I16', shape: [1], data: new Int16Array(new SharedArrayBuffer(2)).fill(-2) },
    __proto__x: { dtype: 'I8', shape: [1], data: new ArrayBuffer(1) },
  };
  const { stdout, stderr } = spawnSync('python3', ['-c', READER], {
    input: tensors(of, { made: 'hier' }),
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const { size, meta, found } = JSON.parse(stdout);
  assert.equal(size % 8, 0, 'tensors begin where they can be used');
  assert.deepEqual(meta, { made: 'hier' });
  const expected = Object.entries(of).map(([name, { dtype, shape, data }]) => [
    name,
    [dtype, shape, hex(data)],
  ]);
  assert.deepEqual(Object.entries(found), expected);
});

test('no tensors at all are a file, too', () => {
  assert.equal(Buffer.from(tensors({})).toString('latin1'), '\b\0\0\0\0\0\0\0{}      ');
});

test('what does not fit together is refused with what is wrong', () => {
  const refuses = (
    tensor: unknown,
    message: RegExp,
    error: typeof TypeError | typeof RangeError = TypeError,
  ) =>
    assert.throws(
      () => tensors({ x: tensor as Tensor }),
      (thrown: Error) => thrown instanceof error && message.test(thrown.message),
      String(message),
    );
  const data = f32([1, 2, 3]);
  refuses({ dtype: 'F32', shape: [2], data }, /"x": F32 \[2\] needs 8 bytes, the data has 12/, RangeError);
  refuses({ dtype: 'float32', shape: [3], data }, /"float32" is none of F64, F32/);
  refuses(
    { dtype: 'F32', shape: [3], data: new Int32Array(3) },
    /F32 are in Float32Array, not in Int32Array/,
  );
  refuses({ dtype: 'I64', shape: [1], data: new Float64Array(1) }, /BigInt64Array, not/);
  for (const bare of [data, data.buffer, null, undefined, [1]])
    refuses(bare, /tensor "x" must be an object such as \{ dtype: 'F32'/);
  refuses({ dtype: 'toString', shape: [3], data }, /none of/);
  refuses({ dtype: ['F32'], shape: [3], data }, /dtype of type object is none of/);
  refuses({ dtype: 'F64', shape: [3], data }, /elements of F64 have 8 bytes, those of the data have 4/);
  for (const shape of [3, undefined, [1.5], [-1], ['3'], new Array(2)])
    refuses({ dtype: 'F32', shape, data }, /shape/);
  for (const wrong of [[1, 2, 3], 'abc', null, undefined])
    refuses({ dtype: 'F32', shape: [3], data: wrong }, /data must be/);
  assert.throws(() => tensors({ __metadata__: { dtype: 'F32', shape: [3], data } }), /its own use/);
  const lies = Object.defineProperty(f32([1, 2, 3]), 'byteLength', { value: 8 });
  refuses({ dtype: 'F32', shape: [2], data: lies }, /the data has 12/, RangeError);

  const refusesMetadata = (metadata: unknown, message: RegExp) =>
    assert.throws(() => tensors({}, metadata as Record<string, string>), { name: 'TypeError', message });
  refusesMetadata({ a: 1 }, /"a" must be text/);
  class Dated {
    readonly made = 'today';
    toJSON = () => 1;
  }
  for (const wrong of ['text', ['text'], null, new Map([['a', 'b']]), new Dated()])
    refusesMetadata(wrong, /must be a plain object of texts, such as/);
});

test('what was checked is what is written, whatever it turns into meanwhile', () => {
  const data = f32([1, 2, 3]);
  let reads = 0;
  const turns = Object.defineProperty([0], 0, { get: () => (reads++ === 1 ? 3 : 'x') });
  const shape = Object.assign(turns, { toJSON: () => 'no shape' });
  const metadata = Object.defineProperty({}, 'made', {
    get: () => (reads++ === 0 ? 'today' : 1),
    enumerable: true,
  });
  const header = Buffer.from(tensors({ x: { dtype: 'F32', shape, data } }, metadata)).toString('latin1', 8);
  assert.match(
    header,
    /^{"__metadata__":{"made":"today"},"x":{"dtype":"F32","shape":\[3\],"data_offsets":\[0,12\]}}/,
  );
});
