import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasModule } from '../lib/python.mjs';
import { NO_SPARE, withService } from '../lib/service.mjs';
import { FeedMeter } from './feed-meter.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** `most`: as many items may come at a time, in an answer of the feed or in a batch. */
const SIZES = [
  { id: '1mb', name: '1 MB', bytes: 1_000_000, capacity: 32, most: 16 },
  { id: '256kb', name: '256 KB', bytes: 256_000, capacity: 128, most: 16 },
  { id: '4kb', name: '4 KB', bytes: 4096, capacity: 800, most: 64 },
];

/** What the memory of a host is measured with. */
const HELD = { bytes: 1_000_000, capacity: 100, most: 16 };

/** The size of a quick run. */
const QUICK = '256kb';

/** Room that PyTorch's workers need in shared memory: a container has 64 MB, unless it is told otherwise. */
const SHARED_MEMORY_BYTES = 256 * 2 ** 20;

/** Arrays that each worker of the DataLoader makes in advance. Of batches it is 2, the default. */
const PREFETCH = 16;

export default {
  title: 'Feed',
  about:
    'What one taker in Python gets of items that two workers make as fast as they can. An item is memory that its maker has ' +
    'written in full, for every contender; the taker counts the bytes and looks at none. The feed of parallel-workers: two ' +
    'worker threads put, `examples/digits/feed.py` takes, many items an answer, on the Unix domain socket of the group or ' +
    "over the service's port, and reads all bytes into memory of its own that it uses again. The raw copy is the limit of " +
    'that way: a Node process writes the same bytes to a plain Unix domain socket, and Python does nothing but read them; ' +
    'without items, without bounds. Both write into memory again that is free again (`ctx.allocate`); the makers below have ' +
    'new memory for each item, since they cannot know when one was taken. A multiprocessing.Queue with two ' +
    'processes that put, in bytes and in numpy arrays, pickled through a pipe; where items are small, also lists of them. ' +
    "PyTorch's DataLoader, with two worker processes and an IterableDataset of numpy arrays, one at " +
    'a time (16 ahead) or in batches, which it puts together right in shared memory. Not comparable: the DataLoader hands over ' +
    'shared memory, which its taker gets without a copy and has not read yet; every other taker has a copy of each byte in ' +
    'memory of its own. Workers and taker share the cores, in all of them.',
  loses:
    'A raw copy is faster than the feed, the more so the smaller the items: each item has a head of its own, in JSON, which ' +
    'its taker parses. At 4 KB a multiprocessing.Queue hands over more items than the feed, and so does the DataLoader in ' +
    "batches: put batches, not samples. The service's port, through which everything passes once more, is there for takers " +
    'without a shared volume, and slower than most.',

  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'pw-bench-feed-'));
    const sizes = SIZES.filter(({ id }) => !bench.quick || id === QUICK);
    try {
      await withService({ workersDir: HERE, env: NO_SPARE }, async (service) => {
        const feed = new FeedMeter(service, folder, bench.seconds(2));
        for (const size of sizes) await bench.compare(throughput(feed, size));
        await bench.compare(latency(feed, sizes));
        await bench.compare(memory(feed, bench.seconds(60)));
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

function throughput(feed, size) {
  const { id, name, bytes, capacity, most } = size;
  const queue = (how) => () =>
    feed.take('queue-taker.py', { bytes, capacity, together: 1, numpy: false, ...how });
  const loader = (how) => () => feed.take('loader-taker.py', { bytes, ...how });
  const without = (module) => (hasModule(module) ? undefined : `${module} is not installed`);
  const noLoader = without('torch') ?? withoutSharedMemory();
  const small = bytes < 64 * 1024;
  return {
    id,
    title: `Items of ${name}`,
    about: `The queue holds ${capacity}. At most ${most} items an answer of the feed, and as many in a batch of the DataLoader.`,
    metrics: [
      { key: 'megabytes', name: 'bytes', unit: 'MB/s', better: 'higher' },
      { key: 'items', name: 'items', unit: 'items/s', better: 'higher' },
    ],
    contenders: [
      {
        id: 'socket',
        name: "parallel-workers, the group's socket",
        ours: true,
        measure: () => feed.throughput(size),
      },
      {
        id: 'plain',
        name: 'parallel-workers, the same with `for item in Feed(...)`',
        ours: true,
        measure: () => feed.throughput({ ...size, plain: true }),
      },
      {
        id: 'port',
        name: "parallel-workers, the service's port",
        ours: true,
        measure: () => feed.throughput(size, ''),
      },
      {
        id: 'raw',
        name: 'raw copy over a plain socket (the limit)',
        limit: true,
        measure: () => feed.rawCopy(size),
      },
      { id: 'queue', name: 'multiprocessing.Queue, bytes', measure: queue() },
      {
        id: 'queue-numpy',
        name: 'multiprocessing.Queue, numpy arrays',
        skip: without('numpy'),
        measure: queue({ numpy: true }),
      },
      ...(small
        ? [
            {
              id: 'queue-lists',
              name: `multiprocessing.Queue, lists of ${most} times bytes`,
              measure: queue({ together: most }),
            },
          ]
        : []),
      {
        id: 'loader',
        name: "PyTorch's DataLoader, array by array",
        skip: noLoader,
        measure: loader({ together: 1, prefetch: PREFETCH }),
      },
      {
        id: 'loader-batches',
        name: `PyTorch's DataLoader, batches of ${most}`,
        skip: noLoader,
        measure: loader({ together: most, prefetch: 2 }),
      },
    ],
    ratios: [
      ['raw', 'a raw copy'],
      ['queue', 'a multiprocessing.Queue'],
      ['loader', "PyTorch's DataLoader, array by array"],
      ['loader-batches', "PyTorch's DataLoader in batches"],
    ].map(([to, what]) => ({
      id: `to-${to}`,
      name: `the group's socket to ${what}: bytes a second, items of ${name}`,
      metric: 'megabytes',
      of: 'socket',
      to,
    })),
  };
}

function latency(feed, sizes) {
  return {
    id: 'latency',
    title: 'GET /v1/groups while the feed is taken from',
    about:
      'One client that asks again as soon as it is answered, while the same taker takes at full speed from the socket of ' +
      'the group.',
    metrics: [{ key: 'p99', name: '99th percentile of a round', unit: 'ms', better: 'lower' }],
    contenders: [
      {
        id: 'idle',
        name: 'no group runs',
        ours: true,
        measure: () => feed.latency(() => new Promise((resolve) => setTimeout(resolve, feed.seconds * 1000))),
      },
      ...sizes.map((size) => ({
        id: size.id,
        name: `items of ${size.name}`,
        ours: true,
        measure: () => feed.latency(() => feed.throughput(size)),
      })),
    ],
  };
}

function memory(feed, seconds) {
  return {
    id: 'memory',
    title: 'Memory of a host whose taker is stopped',
    about:
      'Resident memory of the host of two workers that push items of 1 MB into a queue of 100. The taker takes at full speed ' +
      `for ${seconds} s and is then stopped in the middle of it, by SIGSTOP, for ${seconds} s. An idle host is one of two ` +
      'workers that put nothing; about 40 MB of it are the Node binary, which all processes share.',
    mostRounds: 3,
    metrics: [
      { key: 'idle', name: 'nothing is put', unit: 'MB', better: 'lower' },
      { key: 'before', name: 'queue full, nobody has taken yet', unit: 'MB', better: 'lower' },
      { key: 'after', name: 'the most, while the taker is stopped', unit: 'MB', better: 'lower' },
      { key: 'added', name: 'the most, less that of an idle host', unit: 'MB', better: 'lower' },
    ],
    contenders: [
      {
        id: 'again',
        name: 'memory of taken items (`ctx.allocate`)',
        ours: true,
        measure: () => feed.memory({ ...HELD, allocate: true }, seconds),
      },
      {
        id: 'new',
        name: 'new memory for each item',
        ours: true,
        measure: () => feed.memory({ ...HELD, allocate: false }, seconds),
      },
    ],
  };
}

function withoutSharedMemory() {
  const { bavail, bsize } = statfsSync('/dev/shm');
  return bavail * bsize < SHARED_MEMORY_BYTES ? 'there is less than 256 MB of shared memory' : undefined;
}
