import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { Puts } from '#dist/host/thread/puts.js';
import type { PutAnswer, ThreadMessage } from '#dist/host/thread/tasks.js';

const MB = 1_000_000;

/** The puts of a worker whose items are all taken at once: their memory comes back with the answer, where it is wanted. */
function putsThatComeBack(t: TestContext, maxBytes = 100 * MB): Puts {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  port2.on('message', ({ bytes, reusable }: Extract<ThreadMessage, { type: 'put' }>) => {
    const spare = reusable ? bytes.buffer : undefined;
    port2.postMessage({ taken: true, spare } satisfies PutAnswer, spare === undefined ? [] : [spare]);
  });
  return new Puts(port1, maxBytes);
}

/** What buffers of this thread take, in bytes. */
const held = () => process.memoryUsage().arrayBuffers;

/** Puts an item of so many bytes, and tells whether its memory was that of an earlier one. */
async function putsAgain(puts: Puts, bytes: number): Promise<boolean> {
  const item = new Uint8Array(puts.allocate(bytes));
  const isOld = item[bytes - 1] === 7;
  await puts.put(item.fill(7));
  return isOld;
}

test('memory comes back for items of the same size', async (t) => {
  const puts = putsThatComeBack(t);
  const again = [];
  for (const bytes of [MB, MB, MB - 1, MB]) again.push(await putsAgain(puts, bytes));
  assert.deepEqual(again, [false, true, false, true]);
});

test('items of a few sizes in turn find memory of their own size', async (t) => {
  const puts = putsThatComeBack(t);
  const sizes = [MB, 500_000, 200_000, 100_000];
  for (const size of sizes) assert.equal(await putsAgain(puts, size), false);
  for (const size of [...sizes, ...sizes]) assert.equal(await putsAgain(puts, size), true);
});

test('items of ever other sizes leave the memory of four behind', async (t) => {
  const puts = putsThatComeBack(t);
  const before = held();
  for (let i = 1; i <= 20; i++) await putsAgain(puts, MB + i);
  assert.ok(held() - before < 5 * MB, `${held() - before} bytes more`);
});

test('of items that are under way together all memory comes back, up to 16 MiB', async (t) => {
  const puts = putsThatComeBack(t);
  const putTogether = (count: number) =>
    Promise.all(Array.from({ length: count }, () => putsAgain(puts, MB)));
  await putTogether(10);
  assert.deepEqual(new Set(await putTogether(10)), new Set([true]));
  await putTogether(40);
  assert.equal((await putTogether(40)).filter((isOld) => isOld).length, 16);
});

test('of items larger than that it is one', async (t) => {
  const puts = putsThatComeBack(t);
  assert.equal(await putsAgain(puts, 40 * MB), false);
  assert.equal(await putsAgain(puts, 40 * MB), true);
});

test('memory that the worker has made itself, or a part of what it was given, brings none', async (t) => {
  const puts = putsThatComeBack(t);
  for (let i = 0; i < 5; i++) puts.allocate(MB);
  for (let i = 0; i < 5; i++) await puts.put(new Uint8Array(MB).fill(7));
  await puts.put(new Uint8Array(puts.allocate(2 * MB), 0, MB).fill(7));
  assert.equal(await putsAgain(puts, MB), false);
});

test('the size of an item is that of what is sent, whatever it says of itself', async (t) => {
  const puts = putsThatComeBack(t, 5);
  const says = (byteLength: unknown, item: object, key = 'byteLength') =>
    Object.defineProperty(item, key, { get: () => byteLength });
  const larger = /^RangeError: the item has 6 bytes, more than the whole feed may hold/;
  for (const claim of [3, Number.NaN, -1, 'x'])
    for (const item of [new Uint8Array(6), new DataView(new ArrayBuffer(6)), new ArrayBuffer(6)])
      await assert.rejects(puts.put(says(claim, item)), larger);
  class Liar extends Uint8Array {
    override get byteLength(): number {
      return 1;
    }
  }
  await assert.rejects(puts.put(new Liar(6)), larger);
  await assert.rejects(puts.put(says(new ArrayBuffer(1), new Uint8Array(6), 'buffer')), larger);
  await puts.put(says(3_000_000, new Uint8Array(5)));
  await puts.put(says(Number.NaN, new Uint8Array(5)));
  // Of the second nothing is left over in the sum of what is under way.
  await Promise.all([puts.put(new Uint8Array(2)), puts.put(new Uint8Array(3))]);
  await assert.rejects(
    Promise.all([puts.put(new Uint8Array(3)), puts.put(new Uint8Array(3))]),
    /3 bytes of this worker are waiting to be put already/,
  );
});

test('whatever writing the meta throws is told', async (t) => {
  const puts = putsThatComeBack(t);
  for (const [thrown, message] of [
    [null, /JSON: null$/],
    ['text', /JSON: text$/],
    [Object.create(null), /JSON: a value that cannot be shown$/],
  ] as const) {
    const meta = {
      toJSON() {
        throw thrown;
      },
    };
    await assert.rejects(puts.put(new Uint8Array(1), { meta }), { name: 'TypeError', message });
  }
});

test('a buffer that can change its size is copied, others are moved', async (t) => {
  const puts = putsThatComeBack(t);
  const resizable: ArrayBuffer = Reflect.construct(ArrayBuffer, [4, { maxByteLength: 8 }]);
  const fixed = new ArrayBuffer(4);
  for (const item of [resizable, fixed]) await puts.put(item);
  assert.deepEqual([resizable.byteLength, fixed.byteLength], [4, 0]);
  await assert.rejects(
    puts.put(new DataView(resizable, 0, 4)).then(() => puts.put(fixed)),
    {
      name: 'TypeError',
      message: /moved away before/,
    },
  );
});
