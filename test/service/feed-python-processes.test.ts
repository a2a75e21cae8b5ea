import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import { allMarks } from '../support/feed.js';
import { python } from '../support/python.js';
import { requires } from '../support/requires.js';
import { startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** Prints the mark of each item, and what is wrong in it; in one write, so that processes can share a pipe. */
const MARKS = `
import os, struct
from feed import Feed

def show(item):
    index, number = struct.unpack_from(">II", item.data)
    good = set(item.data[8:]) == {(index * 31 + number) % 251}
    os.write(1, b"%d:%d%s\\n" % (index, number, b"" if good else b" damaged"))
`;

/** Takes some items, forks, and takes the rest in three processes. */
const FORKS = `${MARKS}
feed = Feed("train", sys.argv[2], path="" if sys.argv[3] == "port" else None, most=8)
for _ in range(3):
    show(next(feed))
children = 0
for _ in range(2):
    if os.fork() == 0:
        for item in feed:
            show(item)
        os._exit(0)
    children += 1
for item in feed:
    show(item)
while children:
    os.wait()
    children -= 1
`;

const THREADS = `${MARKS}
import threading
feed = Feed("train", sys.argv[2], most=3)

def take_all():
    for item in feed:
        show(item)
    os.write(1, b"ended\\n")

threads = [threading.Thread(target=take_all) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
`;

const COPIES = `${MARKS}
import copy, pickle
feed = Feed("train", sys.argv[2], most=1)
first = next(feed)
show(pickle.loads(pickle.dumps(first)))
with pickle.loads(pickle.dumps(feed)) as other:
    show(next(other))
with copy.copy(feed) as other:
    show(copy.deepcopy(next(other)))
for item in feed:
    show(item)
`;

/** Its question goes on for longer than the test: nothing but its end ends it. */
const INTERRUPTED = `
import signal
import feed as module
from feed import Feed

module.TAKE_SECONDS = 60

class Interrupted(Exception):
    pass

def interrupt(*_):
    raise Interrupted

signal.signal(signal.SIGUSR1, interrupt)
feed = Feed("train", sys.argv[2], path=None if sys.argv[3] == "socket" else "", most=1)
print("ready", flush=True)
try:
    next(feed)
except Interrupted:
    print("interrupted", flush=True)
sys.stdin.readline()
print(feed.over, [item.sequence for item in feed] == list(range(20)))
`;

test('feed.py in many processes and threads', requires('python3'), async (t) => {
  const service = await startService(t);
  const runs = async (script: string, ...args: string[]) => {
    const params = { bytes: 5000, count: 150 };
    await service.register({ name: 'train', module: 'feeds.mjs', workers: 2, params, feed: {} });
    await service.start('train');
    const lines = await python(t, script, service.url, ...args).ended;
    await service.call('DELETE', '/v1/groups/train');
    return lines.sort();
  };

  for (const way of ['socket', 'port'])
    await t.test(`what is forked takes items of its own: ${way}`, async () => {
      assert.deepEqual(await runs(FORKS, way), allMarks(2, 150));
    });

  await t.test('threads share one', async () => {
    assert.deepEqual(await runs(THREADS), [...allMarks(2, 150), ...Array(4).fill('ended')]);
  });

  await t.test('items, and feeds that were used, can be copied and sent', async () => {
    assert.deepEqual(await runs(COPIES), allMarks(2, 150));
  });
});

test('feed.py: a loop that is interrupted while it waits loses nothing', requires('python3'), async (t) => {
  const gate = `${temporaryDirectory(t)}/gate`;
  const directory = workersDir(t, {
    'gated.mjs': `import { existsSync } from 'node:fs';
    export default async (_id, ctx) => {
      while (!ctx.signal.aborted && !existsSync(ctx.params.gate)) await ctx.sleep(0.01);
      for (let i = 0; i < 20; i++) ctx.put(new Uint8Array(100)).catch(() => {});
      ctx.finish();
    };`,
  });
  const service = await startService(t, { workersDir: directory });
  for (const way of ['socket', 'port'])
    await t.test(way, async (t) => {
      const params = { gate: `${gate}-${way}` };
      await service.register({ name: 'train', module: 'gated.mjs', workers: 1, params, feed: {} });
      t.after(() => service.call('DELETE', '/v1/groups/train'));
      await service.start('train');
      const feed = async () => (await service.status('train')).feed;
      const { child, lines, ended } = python(t, INTERRUPTED, service.url, way);
      await until('it to wait', async () => ((await feed()).takers === 1 ? true : undefined));
      child.kill('SIGUSR1');
      await until('it to be interrupted', () => (lines().includes('interrupted') ? true : undefined));
      // Before that an item could go to it, and over the port count as delivered on the way.
      await until('the feed to know', async () => ((await feed()).takers === 0 ? true : undefined));
      writeFileSync(params.gate, '');
      await until('all items to wait', async () => ((await feed()).depth === 20 ? true : undefined));
      child.stdin.end('go on\n');
      assert.deepEqual(await ended, ['ready', 'interrupted', `${way} True`]);
    });
});

test('feed.py says what it gets in place of the service', requires('python3'), async (t) => {
  let status = 0;
  const other = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>not here</h1>');
  });
  other.listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  for (const [answer, expected] of [
    [
      502,
      /^FeedError feed of train: nothing for 0 s from http.*: ConnectionError: HTTP 502 <h1>not here<\/h1>$/,
    ],
    [404, /^FeedError GET \/v1\/groups\/train\/feed: HTTP 404 <h1>not here<\/h1>$/],
    [200, /^FeedError GET .*: no JSON came: is http.* the address of the service\?$/],
  ] as const) {
    status = answer;
    const { ended } = python(
      t,
      `from feed import Feed, FeedError
try:
    next(Feed("train", sys.argv[2], patience=0.2))
except FeedError as error:
    print("FeedError", error)`,
      url,
    );
    assert.match((await ended).join(), expected);
  }
});
