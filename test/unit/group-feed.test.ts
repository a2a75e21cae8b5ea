import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { GroupFeed } from '#dist/feed/group-feed.js';
import { Taker } from '../support/feed.js';
import { until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** More than a socket's buffers hold: when it is written, it is taken. */
const BYTES = 1_000_000;
/** So little that an answer is kept until its taker asks again, or has gone. */
const SMALL = 200_000;

/** The feed of a group with one worker, whose items' memory is used again. */
async function groupFeed(t: TestContext) {
  const socket = join(temporaryDirectory(t), 'feed.sock');
  const feed = new GroupFeed({ capacity: 10, maxBytes: 100 * BYTES, ordered: false, socket }, () => {});
  await feed.listen();
  t.after(() => feed.end());
  const newTaker = () => {
    const taker = Taker.atSocket(socket);
    t.after(() => taker.close());
    return taker;
  };
  const taker = newTaker();
  const taken = (count: number) =>
    until('the last of them to count as taken', () => feed.report().items === count || undefined);
  feed.join(0, 0);
  return {
    feed,
    newTaker,
    taken,
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
      await taken(count);
    },
    /** How many buffers of this size there are; they are gone then. */
    spare: (bytes = BYTES) => {
      let count = 0;
      while (feed.takeSpare(bytes) !== undefined) count++;
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

test('so it is where answers wait to be read', async (t) => {
  const { put, newTaker, taken, spare } = await groupFeed(t);
  for (let i = 0; i < 10; i++) put(SMALL);
  const takers = Array.from({ length: 8 }, newTaker);
  for (const taker of takers) await taker.ask();
  for (let i = 0; i < 8; i++) put(SMALL);
  for (const taker of takers) taker.close();
  await taken(8);
  put(SMALL);
  assert.equal(spare(SMALL), 7, 'room for eighteen, eight of which were being read: eleven wait');
});

test('memory that nobody needs is freed after half a minute', async (t) => {
  const { feed, put, take, spare } = await groupFeed(t);
  const tick = (times: number) => {
    for (let i = 0; i < times; i++) feed.tick();
  };
  for (let i = 0; i < 3; i++) put();
  tick(60);
  await take(3);
  tick(60);
  const needed = feed.takeSpare(BYTES);
  assert.ok(needed, 'it has come since the last look');
  feed.addSpare(needed);
  tick(60);
  assert.equal(spare(), 1);
});
