import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { Puts } from '#dist/host/thread/puts.js';
import type { PutAnswer, ThreadMessage } from '#dist/host/thread/tasks.js';

const MB = 1_000_000;

/** The puts of a worker whose items are all taken at once: their memory comes back with the answer, where it is wanted. */
function putsThatComeBack(t: TestContext): Puts {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  port2.on('message', ({ bytes, returns }: Extract<ThreadMessage, { type: 'put' }>) => {
    const spare = returns ? bytes.buffer : undefined;
    port2.postMessage({ taken: true, spare } satisfies PutAnswer, spare === undefined ? [] : [spare]);
  });
  return new Puts(port1, 100 * MB);
}

/** What buffers of this thread take, in bytes. */
const held = () => process.memoryUsage().arrayBuffers;

test('memory that came back is of no other size, and the next that is allocated is the same', async (t) => {
  const puts = putsThatComeBack(t);
  const first = new Uint8Array(puts.allocate(MB)).fill(7);
  await puts.put(first);
  assert.equal(puts.allocate(MB - 1).byteLength, MB - 1);
  const before = held();
  await puts.put(puts.allocate(MB));
  assert.equal(new Uint8Array(puts.allocate(MB)).length, MB);
  assert.ok(held() - before <= MB, `${held() - before} bytes more`);
});

test('items of ever other sizes leave no more memory behind than one of them has', async (t) => {
  const puts = putsThatComeBack(t);
  const before = held();
  for (let i = 1; i <= 20; i++) await puts.put(puts.allocate(MB + i));
  const most = 2 * MB;
  assert.ok(held() - before <= most, `${held() - before} bytes more`);
});

test('memory of items that were made in advance is kept up to 32 MiB', async (t) => {
  const puts = putsThatComeBack(t);
  const before = held();
  const items = Array.from({ length: 40 }, () => puts.allocate(MB));
  for (const item of items) await puts.put(item);
  const kept = held() - before;
  assert.ok(kept <= 32 * 2 ** 20 && kept > 30 * MB, `${kept} bytes`);
});
