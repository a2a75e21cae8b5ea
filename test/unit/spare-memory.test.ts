import assert from 'node:assert/strict';
import test from 'node:test';
import { SpareMemory } from '#dist/feed/spare-memory.js';

test('memory comes back for an item of the same size, the last first, and nobody has it twice', () => {
  const spare = new SpareMemory(1024);
  const [first, second] = [new ArrayBuffer(64), new ArrayBuffer(64)];
  spare.add(first);
  spare.add(second);
  assert.equal(spare.take(32), undefined);
  assert.deepEqual([spare.take(64) === second, spare.take(64) === first], [true, true]);
  assert.equal(spare.take(64), undefined);
});

test('what is too much is freed at once, the oldest first', () => {
  const spare = new SpareMemory(3 * 64);
  const buffers = Array.from({ length: 5 }, () => new ArrayBuffer(64));
  for (const buffer of buffers) spare.add(buffer);
  assert.deepEqual(
    buffers.map(({ byteLength }) => byteLength),
    [0, 0, 64, 64, 64],
  );
  spare.take(64);
  spare.add(new ArrayBuffer(64));
  assert.deepEqual(
    buffers.map(({ byteLength }) => byteLength),
    [0, 0, 64, 64, 64],
    'what was taken makes room',
  );
});

test('one that is too large alone is freed, and pushes nothing out', () => {
  const spare = new SpareMemory(128);
  const [small, large] = [new ArrayBuffer(64), new ArrayBuffer(256)];
  spare.add(small);
  spare.add(large);
  assert.equal(large.byteLength, 0);
  assert.equal(spare.take(64), small);
});
