import assert from 'node:assert/strict';
import test from 'node:test';
import { SpareMemory } from '#dist/host/thread/spare-memory.js';

const MIB = 1024 * 1024;

test('memory comes back for an item of the same size, the last first; for another size there is new one', () => {
  const spare = new SpareMemory();
  const [first, second] = [new ArrayBuffer(64), new ArrayBuffer(64)];
  spare.add(first);
  spare.add(second);
  assert.equal(spare.take(32).byteLength, 32);
  assert.deepEqual([spare.take(64) === second, spare.take(64) === first], [true, true]);
  const fresh = spare.take(64);
  assert.equal(fresh.byteLength, 64);
  assert.ok(fresh !== first && fresh !== second, 'nobody has it twice');
});

test('no more than 8 MiB are kept: what is too much is given back at once, the oldest first', () => {
  const spare = new SpareMemory();
  const buffers = Array.from({ length: 10 }, () => new ArrayBuffer(MIB));
  for (const buffer of buffers) spare.add(buffer);
  assert.deepEqual(
    buffers.map(({ byteLength }) => byteLength),
    [0, 0, ...Array(8).fill(MIB)],
  );
  spare.add(new ArrayBuffer(9 * MIB));
  assert.deepEqual(spare.takeAll(), [], 'one that is too large alone is not kept either');
});

test('all of it goes to whoever takes all', () => {
  const spare = new SpareMemory();
  const buffer = new ArrayBuffer(64);
  spare.add(buffer);
  assert.deepEqual(spare.takeAll(), [buffer]);
  assert.deepEqual(spare.takeAll(), []);
  assert.notEqual(spare.take(64), buffer);
});

test('of a worker that has ended nothing is kept', () => {
  const spare = new SpareMemory();
  const [before, after] = [new ArrayBuffer(64), new ArrayBuffer(64)];
  spare.add(before);
  spare.close();
  spare.add(after);
  assert.deepEqual([before.byteLength, after.byteLength, spare.takeAll()], [0, 0, []]);
  spare.open();
  const again = new ArrayBuffer(64);
  spare.add(again);
  assert.equal(spare.take(64), again);
});
