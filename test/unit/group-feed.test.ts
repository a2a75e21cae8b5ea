import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { GroupFeed } from '#dist/feed/group-feed.js';
import { Taker } from '../support/feed.js';
import { until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** More than a socket's buffers hold: when it is written, it is taken. */
const BYTES = 1_000_000;

/** The feed of a group with one worker, whose items' memory is used again. */
async function groupFeed(t: TestContext) {
  const socket = join(temporaryDirectory(t), 'feed.sock');
  const feed = new GroupFeed({ capacity: 10, maxBytes: 100 * BYTES, ordered: false, socket }, () => {});
  await feed.listen();
  t.after(() => feed.end());
  const taker = Taker.atSocket(socket);
  t.after(() => taker.close());
  feed.join(0, 0);
  return {
    feed,
    put: (bytes = BYTES) =>
      feed.put(0, {
        bytes: new Uint8Array(bytes),
        contentType: 'application/octet-stream',
        meta: undefined,
        settle: () => {},
        release: () => feed.addSpare(new ArrayBuffer(bytes)),
      }),
    take: async (count: number) => {
      for (let i = 0; i < count; i++) await taker.ask();
      await until('the last of them to count as taken', () => feed.report().items === count || undefined);
    },
    /** How many buffers of the usual size there are; they are gone then. */
    spare: () => {
      let count = 0;
      while (feed.takeSpare(BYTES) !== undefined) count++;
      return count;
    },
  };
}

test('the memory of taken items and of those that wait is together no more than what has waited', async (t) => {
  const { put, take, spare } = await groupFeed(t);
  for (let i = 0; i < 5; i++) put();
  await take(4);
  put(2 * BYTES);
  assert.equal(spare(), 2, 'room for five: one waits, and one of twice its size');
});

test('memory that nobody needs is freed at the second tick', async (t) => {
  const { feed, put, take, spare } = await groupFeed(t);
  for (let i = 0; i < 3; i++) put();
  await take(3);
  feed.tick();
  feed.tick();
  assert.equal(spare(), 0);
});
