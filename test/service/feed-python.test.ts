import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import test, { type TestContext } from 'node:test';
import { allMarks } from '../support/feed.js';
import { python } from '../support/python.js';
import { requires } from '../support/requires.js';
import { startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** Takes all of a group with feed.py and prints the mark of each item; errors of the feed are its last line. */
const TAKER = `
import struct
from feed import Feed, FeedError
feed = Feed("train", sys.argv[2] or None, path={"auto": None, "port": ""}.get(sys.argv[3], sys.argv[3]), most=7, patience=float(sys.argv[4]))
try:
    for item in feed:
        print("%d:%d" % struct.unpack_from(">II", item.data), flush=True)
except FeedError as error:
    print("FeedError", error)
`;

const taker = (t: TestContext, url: string, how: string, patience = 30) =>
  python(t, TAKER, url, how, String(patience));

test('feed.py', requires('python3'), async (t) => {
  const service = await startService(t);
  const spec = {
    name: 'train',
    module: 'feeds.mjs',
    workers: 2,
    params: { bytes: 1000, count: 20 },
    feed: {},
  };

  for (const how of ['auto', 'port', 'socket']) {
    await t.test(`takes everything once, and ends with the group: ${how}`, async () => {
      await service.register(spec);
      await service.start('train');
      const { feed } = await service.status('train');
      const { ended } = taker(t, service.url, how === 'socket' ? feed.socket : how);
      assert.deepEqual((await ended).sort(), allMarks(2, 20));
      await service.reaches('train', 'completed');
      await service.call('DELETE', '/v1/groups/train');
    });
  }

  await t.test('goes on after a death of the host, and says why when the group is stopped', async () => {
    const restart = { policy: 'on-failure', backoff: { initialSeconds: 0.1 } };
    await service.register({
      ...spec,
      workers: 1,
      params: {},
      feed: { capacity: 2 },
      intervalSeconds: 0.01,
      restart,
    });
    await service.start('train');
    const { ended, lines } = taker(t, service.url, 'auto');
    await until('items', () => (lines().length > 5 ? true : undefined));
    process.kill((await service.status('train')).host.pid, 'SIGKILL');
    await until('items of the next host', () => (lines().lastIndexOf('0:0') > 0 ? true : undefined));
    await service.stop('train');
    assert.match((await ended).at(-1) ?? '', /^FeedError group train is stopped/);
    await service.call('DELETE', '/v1/groups/train');
  });

  await t.test('waits while a service that was started anew has not got to its group', async (t) => {
    const stateDir = temporaryDirectory(t);
    const first = await startService(t, { stateDir });
    // It comes before, and takes its time.
    await first.register({ name: 'slow', module: 'setup-waits.mjs' });
    await first.call('POST', '/v1/groups/slow/start?wait=false');
    await first.register({ ...spec, workers: 1, params: {}, feed: { capacity: 2 }, intervalSeconds: 0.01 });
    await first.start('train');
    const { ended, lines } = taker(t, first.url, 'auto');
    await until('items', () => (lines().length > 5 ? true : undefined));
    await first.end('SIGKILL');
    const second = await startService(t, { stateDir, flags: ['--port', new URL(first.url).port] });
    assert.equal((await second.status('train')).state, 'registered', 'it is not its turn yet');
    await until('items of the next host', () => (lines().lastIndexOf('0:0') > 0 ? true : undefined), 30);
    await second.stop('train');
    assert.match((await ended).at(-1) ?? '', /^FeedError group train is stopped/);
  });

  await t.test('says what is wrong with a group, or a service, that is not there', async () => {
    const nobody = await taker(t, service.url, 'auto').ended;
    assert.match(nobody.join(), /^FeedError GET .*There is no group "train"/);
    const gone = await taker(t, 'http://127.0.0.1:1', 'auto', 0.2).ended;
    assert.match(
      gone.join(),
      /^FeedError feed of train: nothing for 0 s from http:\/\/127.0.0.1:1: ConnectionRefusedError/,
    );
    const unknown = await taker(t, '', 'auto').ended;
    assert.match(unknown.join(), /^FeedError .*give it the url of the service, or the path/);
  });
});

test('feed.py tells its token to the service alone', requires('python3'), async (t) => {
  const path = `${temporaryDirectory(t)}/feed.sock`;
  const asked: IncomingMessage[] = [];
  const host = createServer((request, response) => {
    asked.push(request);
    response.writeHead(204).end();
  }).listen(path);
  t.after(() => host.close());
  await once(host, 'listening');
  const { ended } = python(
    t,
    `from feed import Feed
with Feed("train", path=sys.argv[2], token="secret") as feed:
    print(feed.take()[0])`,
    path,
  );
  assert.deepEqual(await ended, ['204']);
  assert.deepEqual(
    asked.map(({ headers }) => headers.authorization),
    [undefined],
  );
});

test('feed.py, as one uses it', requires('python3'), async (t) => {
  const service = await startService(t);
  const host = new URL(service.url).host;
  const spec = { name: 'train', module: 'feeds.mjs', workers: 1, params: { bytes: 8, count: 40 }, feed: {} };
  /** Registers the group for one test. */
  const register = async (t: TestContext, changes: object = {}) => {
    await service.register({ ...spec, ...changes });
    t.after(() => service.call('DELETE', '/v1/groups/train'));
  };

  await t.test('a loop that breaks off goes on with the next item; a new start is a new loop', async (t) => {
    await register(t);
    await service.start('train');
    // An address as people write it for curl.
    const { child, lines, ended } = python(
      t,
      `from feed import Feed
feed = Feed("train", sys.argv[2])
numbers = []
while True:
    before = len(numbers)
    for item in feed:
        numbers.append(item.sequence)
        if len(numbers) % 7 == 0:
            break
    if len(numbers) == before:
        break
print(numbers == list(range(40)), flush=True)
sys.stdin.readline()
print([item.sequence for item in feed] == list(range(40)))`,
      host,
    );
    await until('the first epoch', () => (lines().length > 0 ? true : undefined));
    await service.reaches('train', 'completed');
    await service.start('train');
    child.stdin.end('go on\n');
    assert.deepEqual(await ended, ['True', 'True']);
  });

  await t.test('waits for a group that was not started yet', async (t) => {
    await register(t);
    const { lines, ended } = python(
      t,
      `from feed import Feed
feed = Feed("train", sys.argv[2])
print(feed.take()[0], flush=True)
print(len(list(feed)))`,
      service.url,
    );
    await until('it to ask', () => (lines().length > 0 ? true : undefined));
    await service.start('train');
    assert.deepEqual(await ended, ['409', '40']);
  });

  await t.test(
    'is on the socket with the second answer, when it came before the group was started',
    async (t) => {
      await register(t, { params: { bytes: 8 }, feed: { capacity: 1 } });
      const { child, lines, ended } = python(
        t,
        `from feed import Feed
taker = Feed("train", sys.argv[2], most=1)
print(taker.take()[0], taker.over, flush=True)
sys.stdin.readline()
for _ in range(3):
    next(taker)
    print(taker.over)`,
        service.url,
      );
      await until('it to ask', () => (lines().length > 0 ? true : undefined));
      await service.start('train');
      child.stdin.end('go on\n');
      assert.deepEqual(await ended, ['409 port', 'port', 'socket', 'socket']);
    },
  );

  await t.test(
    'looks for a socket that could not be reached with the first answer, and then now and again',
    async (t) => {
      await register(t, { params: { bytes: 8 }, feed: { capacity: 1 } });
      await service.start('train');
      const { ended } = python(
        t,
        `import feed
attempts = []
class Unreachable(feed.UnixConnection):
    def connect(self):
        attempts.append(1)
        raise ConnectionRefusedError
reachable, feed.UnixConnection = feed.UnixConnection, Unreachable
taker = feed.Feed("train", sys.argv[2], most=1)
def take():
    next(taker)
    print(taker.over, len(attempts))
take()
take()
take()
feed.SOCKET_SECONDS = 0
take()
feed.UnixConnection = reachable
take()
take()`,
        service.url,
      );
      assert.deepEqual(await ended, ['port 1', 'port 2', 'port 2', 'port 3', 'socket 3', 'socket 3']);
    },
  );

  await t.test('says what is no tensor', async (t) => {
    await register(t, { params: { bytes: 16, count: 1 } });
    await service.start('train');
    const { ended } = python(
      t,
      `from feed import Feed
feed = Feed("train", sys.argv[2])
try:
    next(feed).tensors()
except ValueError as error:
    print(error)
feed.close()`,
      service.url,
    );
    assert.match(
      (await ended).join(),
      /^an item of type application\/octet-stream is not in the safetensors format/,
    );
  });

  await t.test('raises in time when nothing comes', async (t) => {
    await register(t, { module: 'millisecond.mjs' });
    await service.start('train');
    const dry = python(
      t,
      `import time
from feed import TAKE_SECONDS, Feed, FeedError
began = time.monotonic()
try:
    next(Feed("train", sys.argv[2], dry=0.5))
except FeedError as error:
    print(time.monotonic() - began < TAKE_SECONDS - 1, error)`,
      service.url,
    );
    assert.match((await dry.ended).join(), /^True feed of train: nothing came for/);
  });
});

/** Prints what feed.py makes of each tensor of the one item there is. */
const READER = `
import json
from feed import Feed
for item in Feed("tensors", sys.argv[2]):
    for name, tensor in item.tensors().items():
        print(json.dumps([name, tensor.dtype, tensor.shape, tensor.tolist()]))
        # What numpy and its like read it by.
        assert memoryview(tensor).nbytes == len(tensor) * tensor.itemsize
`;

/** Takes all of a group and keeps every second item; prints how many memories there were, and the marks of what was kept. */
const KEEPER = `
import struct, feed

memories = []

class Watched(feed.Feed):
    def room(self, length):
        memory = super().room(length)
        if length > 50_000 and not any(memory is known for known in memories):
            memories.append(memory)
        return memory

kept = []
for i, item in enumerate(Watched("train", sys.argv[2], most=1)):
    if sys.argv[3] == "keep" and i % 2 == 0:
        kept.append(item.data[4:])
print(len(memories), *(struct.unpack_from(">I", data)[0] for data in kept))
`;

test('feed.py uses memory again that nobody looks at, and no other', requires('python3'), async (t) => {
  const service = await startService(t);
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  for (const [how, memories, marks] of [
    ['drop', (count: number) => count <= 2, []],
    ['keep', (count: number) => count >= 10, numbers.filter((number) => number % 2 === 0)],
  ] as const) {
    const params = { bytes: 100_000, count: numbers.length };
    await service.register({ name: 'train', module: 'feeds.mjs', workers: 1, params, feed: {} });
    await service.start('train');
    const text = (await python(t, KEEPER, service.url, how).ended).join();
    const [count, ...kept] = text.split(' ').map(Number);
    assert.ok(memories(count ?? 0), `${count} memories: ${how}`);
    assert.deepEqual(kept, marks);
    await service.call('DELETE', '/v1/groups/train');
  }
});

test('feed.py gives tensors with their shape and type', requires('python3'), async (t) => {
  const directory = workersDir(t, {
    'tensors.mjs': `export default async (_id, ctx) => {
      await ctx.put(ctx.tensors({
        images: { dtype: 'F32', shape: [2, 3], data: new Float32Array([0, 0.5, 1, -1, 2, 3]) },
        label: { dtype: 'U8', shape: [], data: new Uint8Array([7]) },
        none: { dtype: 'I64', shape: [0, 4], data: new BigInt64Array(0) },
        ids: { dtype: 'I64', shape: [1, 1], data: new BigInt64Array([-(2n ** 60n)]) },
        half: { dtype: 'BF16', shape: [2], data: new Uint8Array([0x80, 0x3f, 0, 0xc0]) },
        flags: { dtype: 'BOOL', shape: [3], data: new Uint8Array([1, 0, 1]) },
      }));
    };`,
  });
  const service = await startService(t, { workersDir: directory });
  await service.register({ name: 'tensors', module: 'tensors.mjs', workers: 1, maxIterations: 1, feed: {} });
  await service.start('tensors');
  const { ended } = python(t, READER, service.url);
  const lines = await ended;
  // As text: JSON.parse would round 64 bits.
  assert.deepEqual(lines, [
    '["images", "F32", [2, 3], [0.0, 0.5, 1.0, -1.0, 2.0, 3.0]]',
    '["label", "U8", [], [7]]',
    '["none", "I64", [0, 4], []]',
    '["ids", "I64", [1, 1], [-1152921504606846976]]',
    '["half", "BF16", [2], [128, 63, 0, 192]]',
    '["flags", "BOOL", [3], [1, 0, 1]]',
  ]);
});
