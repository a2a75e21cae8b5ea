import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FeedServer } from '#dist/feed/server.js';
import { asksAndSleeps } from '../support/feed.js';
import { QueueBench } from '../support/feed-queue.js';
import { runPython } from '../support/goers.js';
import { exchange } from '../support/raw-http.js';
import { requires } from '../support/requires.js';
import { ROOT, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Far more than a socket's buffers hold. */
const LARGE = 8_000_000;

async function start(
  t: TestContext,
  { queue }: QueueBench,
  unreadMs = 20,
): Promise<{ server: FeedServer; path: string }> {
  const path = join(temporaryDirectory(t), 'feed.sock');
  const server = new FeedServer(queue, path, unreadMs);
  await server.listen();
  t.after(() => {
    // First: an end that does not end others would not end itself.
    for (const taker of takers.splice(0)) taker.destroy();
    return server.end();
  });
  return { server, path };
}

/** Resolves with the path of its socket. */
const serve = async (t: TestContext, bench: QueueBench) => (await start(t, bench)).path;

const takers: Socket[] = [];

/** A taker that has asked, so many times at once, and reads nothing; it goes with its server. */
async function asks(path: string, query = '', times = 1): Promise<Socket> {
  const taker = await asksAndSleeps({ path }, `/take${query}`, times);
  takers.push(taker);
  return taker;
}

test('a taker that reads nothing of its answers is gone after a while: what it was to get comes back', async (t) => {
  const bench = new QueueBench({ maxBytes: 4 * LARGE });
  for (const mark of [1, 2, 3]) bench.put(0, mark, LARGE);
  const path = await serve(t, bench);
  await asks(path, '', 2);
  await until('both to be handed out', () => (bench.queue.handedOut === 2 ? true : undefined));
  assert.deepEqual(bench.take(9), [3]);
  await until('both to be back', () => (bench.queue.depth === 2 ? true : undefined));
  assert.deepEqual(bench.take(9), [1, 2]);
});

test('what a taker sends while it reads nothing does not keep its items', async (t) => {
  const bench = new QueueBench({ maxBytes: LARGE });
  bench.put(0, 1, LARGE);
  const path = await serve(t, bench);
  const taker = await asks(path);
  taker.write('POST /take HTTP/1.1\r\nx: ');
  const drip = setInterval(() => taker.write('x'), 1);
  t.after(() => clearInterval(drip));
  await until('it to be handed out', () => (bench.queue.handedOut === 1 ? true : undefined));
  await until('it to be back', () => (bench.queue.depth === 1 ? true : undefined));
});

test('a take with a body is refused, and gets nothing', async (t) => {
  const bench = new QueueBench();
  bench.put(0, 1);
  const path = await serve(t, bench);
  for (const header of ['content-length: 100000000', 'transfer-encoding: chunked']) {
    const { status, headers, body } = await exchange(
      t,
      { path },
      `POST /take HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`,
    );
    assert.deepEqual([status, headers.get('connection'), body.code], [413, 'close', 'body_too_large']);
  }
  assert.deepEqual([bench.queue.handedOut, bench.queue.depth], [0, 1]);
});

test('a taker that has read its answer may think for as long as it likes', async (t) => {
  const bench = new QueueBench({ maxBytes: LARGE });
  const path = await serve(t, bench);
  const taker = await asks(path);
  const closed = once(taker, 'close').then(() => ['it was closed']);
  const answer = async () => {
    const [chunk] = await Promise.race([once(taker.resume(), 'data'), closed]);
    return String(chunk).split('\r\n', 1)[0];
  };
  bench.put(0, 1);
  bench.later();
  assert.equal(await answer(), 'HTTP/1.1 200 OK');
  bench.put(0, 2, LARGE);
  for (const handedOut of [2, 3]) {
    await asks(path);
    await until('another to be handed one', () => (bench.queue.handedOut === handedOut ? true : undefined));
    await until('that one to be gone', () => (bench.queue.depth === 1 ? true : undefined));
  }
  taker.write('POST /take?waitSeconds=0 HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
  assert.equal(await answer(), 'HTTP/1.1 200 OK');
});

test('a taker that asks without end, and reads nothing, is let go', async (t) => {
  const bench = new QueueBench();
  const path = await serve(t, bench);
  const patient = await asks(path, '?waitSeconds=300', 1_000);
  await until('all of its questions to wait', () => bench.queue.takeWait.waiting === 1_000 || undefined);
  const greedy = await asks(path, '?waitSeconds=300', 1_001);
  await until('the other to be let go', () => greedy.closed || undefined);
  await until('its questions to be forgotten', () => bench.queue.takeWait.waiting === 1_000 || undefined);
  assert.equal(patient.closed, false);
});

test('what is being written at the end is counted as lost when the end is over', async (t) => {
  const bench = new QueueBench({ maxBytes: 3 * LARGE });
  for (const mark of [1, 2, 3]) bench.put(0, mark, LARGE);
  const { server, path } = await start(t, bench, 30_000);
  await asks(path);
  await until('one to be handed out', () => (bench.queue.handedOut === 1 ? true : undefined));
  let over = false;
  void server.end().then(() => {
    over = true;
  });
  await until('the end to be over', () => over || undefined);
  assert.deepEqual([bench.queue.dropped, bench.queue.takenItems, bench.queue.heldItems], [3, 0, 0]);
});

/** Sends two takes ahead, reads the first answer in full, and goes when the second is there. */
const READS_ONE = `
import select, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"POST /take?waitSeconds=0 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n" * 2)
head = b""
while not head.endswith(b"\\r\\n\\r\\n"):
    head += s.recv(1)
assert b"content-length: 1\\r\\n" in head, head
assert s.recv(1) == bytes([int(sys.argv[2])])
select.select([s], [], [])
s.close()`;

test('what a taker has read is not given to another when it goes', requires('python3'), async (t) => {
  await t.test('with the answer to its next question unread', async (t) => {
    const bench = new QueueBench();
    for (const mark of [1, 2]) bench.put(0, mark);
    assert.equal(await runPython(READS_ONE, await serve(t, bench), '1'), 0);
    await until('the other to be back', () => (bench.queue.depth === 1 ? true : undefined));
    assert.deepEqual([bench.queue.takenItems, bench.take(9)], [1, [2]]);
  });
  await t.test('with word that there is nothing unread', async (t) => {
    const bench = new QueueBench();
    bench.put(0, 1);
    assert.equal(await runPython(READS_ONE, await serve(t, bench), '1'), 0);
    await until('it to be taken', () => (bench.queue.takenItems === 1 ? true : undefined));
    assert.equal(bench.queue.depth, 0);
  });
});

/** Is stopped for a while in the middle of its first answer, for longer than its patience; then prints what it gets. */
const PAUSES = `
import sys, time
sys.path.insert(0, sys.argv[2])
from feed import Feed

class Paused(Feed):
    paused = False
    def room(self, length):
        if not self.paused:
            self.paused = True
            time.sleep(1)
        return super().room(length)

for item in Paused("train", path=sys.argv[1], most=1, patience=10, dry=10):
    print(item.data[0], flush=True)
    break`;

test('feed.py goes on after it was cut off while it was stopped', requires('python3'), async (t) => {
  const bench = new QueueBench({ maxBytes: LARGE });
  bench.put(0, 7, LARGE);
  const path = await serve(t, bench);
  assert.equal(await runPython(PAUSES, path, `${ROOT}examples/digits`), 0);
  await until('it to be taken', () => (bench.queue.takenItems === 1 ? true : undefined));
});
