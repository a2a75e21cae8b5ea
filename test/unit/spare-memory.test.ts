import assert from 'node:assert/strict';
import test from 'node:test';
import { SpareMemory } from '#dist/feed/spare-memory.js';

/** Spare memory of so many buffers of 64 bytes. */
function spareMemory(count: number) {
  const spare = new SpareMemory();
  const buffers = Array.from({ length: count }, () => new ArrayBuffer(64));
  for (const buffer of buffers) spare.add(buffer);
  return { spare, buffers, sizes: () => buffers.map(({ byteLength }) => byteLength) };
}

test('memory comes back for an item of the same size, the last first, and nobody has it twice', () => {
  const {
    spare,
    buffers: [first, second],
  } = spareMemory(2);
  assert.equal(spare.take(32), undefined);
  assert.deepEqual([spare.take(64) === second, spare.take(64) === first], [true, true]);
  assert.equal(spare.take(64), undefined);
});

test('what is too much is freed at once, the oldest first', () => {
  const { spare, sizes } = spareMemory(5);
  spare.shrinkTo(3 * 64);
  assert.deepEqual(sizes(), [0, 0, 64, 64, 64]);
  spare.take(64);
  spare.add(new ArrayBuffer(64));
  spare.shrinkTo(3 * 64);
  assert.deepEqual(sizes(), [0, 0, 64, 64, 64], 'what was taken makes room');
  spare.shrinkTo(64 + 63);
  assert.equal(spare.bytes, 64, 'a part of one is not kept');
});

test('what nobody has needed for a while is freed', () => {
  const { spare, sizes } = spareMemory(4);
  spare.freeUnneeded();
  assert.deepEqual(sizes(), [64, 64, 64, 64], 'it has just come');
  const taken = [spare.take(64), spare.take(64)] as ArrayBuffer[];
  for (const buffer of taken) spare.add(buffer);
  spare.freeUnneeded();
  assert.deepEqual(sizes(), [0, 0, 64, 64], 'two were needed at once');
  spare.freeUnneeded();
  assert.deepEqual(sizes(), [0, 0, 0, 0]);
});
