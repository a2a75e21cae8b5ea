import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FeedServer } from '#dist/feed/server.js';
import { asksAndSleeps } from '../support/feed.js';
import { QueueBench } from '../support/feed-queue.js';
import { until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Far more than a socket's buffers hold. */
const LARGE = 8_000_000;

/** Resolves with the path of its socket. */
async function serve(t: TestContext, { queue }: QueueBench): Promise<string> {
  const path = join(temporaryDirectory(t), 'feed.sock');
  const server = new FeedServer(queue, path, 20);
  await server.listen();
  t.after(() => server.end());
  return path;
}

const gone = (socket: Socket) => () => socket.destroy();

test('a taker that reads nothing of its answers is gone after a while: what it was to get comes back', async (t) => {
  const bench = new QueueBench({ maxBytes: 4 * LARGE });
  for (const mark of [1, 2, 3]) bench.put(0, mark, LARGE);
  const path = await serve(t, bench);
  t.after(gone(await asksAndSleeps({ path }, '/take', 2)));
  await until('both to be handed out', () => (bench.queue.handedOut === 2 ? true : undefined));
  assert.deepEqual(bench.take(9), [3]);
  await until('both to be back', () => (bench.queue.depth === 2 ? true : undefined));
  assert.deepEqual(bench.take(9), [1, 2]);
});

test('a taker that has read its answer may think for as long as it likes', async (t) => {
  const bench = new QueueBench({ maxBytes: LARGE });
  const path = await serve(t, bench);
  const taker = await asksAndSleeps({ path }, '/take');
  t.after(gone(taker));
  const answer = async () => {
    const closed = once(taker, 'close').then(() => ['it was closed']);
    const [chunk] = await Promise.race([once(taker.resume(), 'data'), closed]);
    return String(chunk).split('\r\n', 1)[0];
  };
  bench.put(0, 1);
  bench.later();
  assert.equal(await answer(), 'HTTP/1.1 200 OK');
  bench.put(0, 2, LARGE);
  for (const handedOut of [2, 3]) {
    t.after(gone(await asksAndSleeps({ path }, '/take')));
    await until('another to be handed one', () => (bench.queue.handedOut === handedOut ? true : undefined));
    await until('that one to be gone', () => (bench.queue.depth === 1 ? true : undefined));
  }
  taker.write('POST /take?waitSeconds=0 HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  assert.equal(await answer(), 'HTTP/1.1 200 OK');
});
