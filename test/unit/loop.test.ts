import assert from 'node:assert/strict';
import test from 'node:test';
import { deferred } from '#dist/deferred.js';
import { type LoopContext, runLoop } from '#dist/host/thread/loop.js';
import { BUCKETS, ERRORS, PROGRESS, SUM, WorkerMemory } from '#dist/host/thread/memory.js';
import { FeedClosed } from '#dist/host/thread/puts.js';
import type { WorkerFunction } from '#dist/index.js';
import { monotonicMs } from '#dist/monotonic.js';
import { tensors } from '#dist/tensors.js';

/** In seconds. */
const BOUNDS = [0.001, 10];

interface Harness {
  readonly memory: WorkerMemory;
  readonly context: LoopContext & { finished: boolean };
  readonly stop: AbortController;
  /** Runs the loop over the memory until it ends. */
  run(worker: WorkerFunction): Promise<'stopped' | 'completed'>;
  /** What the host would read. */
  counted(): { calls: number; errors: number; seconds: number; buckets: number[] };
}

function harness(bounds: readonly number[] = BOUNDS): Harness {
  const memory = WorkerMemory.allocate(bounds.length);
  const stop = new AbortController();
  const silent = () => {};
  const context = {
    workerId: 7,
    index: 0,
    count: 1,
    group: { name: 'a', workerIds: [7], labels: {}, params: {} },
    labels: {},
    params: {},
    shared: undefined,
    signal: stop.signal,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    iteration: 0,
    finished: false,
    sleep: async () => {},
    put: async () => {},
    allocate: (bytes: number) => new ArrayBuffer(bytes),
    tensors,
    finish() {
      context.finished = true;
    },
  };
  return {
    memory,
    context,
    stop,
    run: (worker) =>
      runLoop(worker, context, memory, { buckets: bounds, intervalSeconds: 0, maxIterations: null }),
    counted() {
      const { seconds, errors, buckets } = memory.read(7);
      return { calls: buckets.reduce((sum, count) => sum + count, 0), errors, seconds, buckets };
    },
  };
}

/** Keeps the thread busy and returns how long it was, in milliseconds. */
function busy(milliseconds: number): number {
  const from = performance.now();
  let now = from;
  while (now - from < milliseconds) now = performance.now();
  return now - from;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * All that the calls themselves have measured is counted, and no more than there was: between the two lies the loop
 * itself, and whatever else the machine did meanwhile.
 * @param least seconds in the calls @param most seconds in which calls could have been under way
 */
function assertCounted(counted: number, least: number, most: number): void {
  // The clocks of both sides have a resolution of their own.
  assert.ok(
    counted > 0.98 * least && counted < 1.02 * most,
    `${counted} s were counted, ${least} s were spent in calls, ${most} s in all`,
  );
}

const kinds: [kind: string, make: (call: () => void) => WorkerFunction][] = [
  ['a function', (call) => call],
  ['an async function that never waits', (call) => async () => call()],
  [
    'an async function that waits',
    (call) => async () => {
      call();
      await turn();
    },
  ],
  [
    'a function that returns a thenable of its own',
    (call) => () => {
      call();
      // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise is what this is about.
      return { then: (resolve: () => void) => resolve() } as Promise<void>;
    },
  ],
];

for (const [kind, make] of kinds) {
  test(`${kind}: every call is counted once and timed, until finish()`, async () => {
    const { run, counted, context, memory } = harness();
    let calls = 0;
    let measured = 0;
    const ids: unknown[] = [];
    const before = Date.now();
    const worker = make(() => {
      assert.equal(context.iteration, calls, 'ctx.iteration counts the calls before this one');
      measured += busy(1.5);
      calls++;
      if (calls === 40) context.finish();
    });
    const from = performance.now();
    const end = await run((id, ctx) => {
      ids.push(id, ctx);
      return worker(id, ctx);
    });
    const all = performance.now() - from;
    assert.equal(end, 'completed');
    assert.equal(calls, 40);
    assert.deepEqual(new Set(ids), new Set([7, context]), 'it is given its id and its context');
    const { seconds, ...rest } = counted();
    assert.deepEqual(rest, { calls: 40, errors: 0, buckets: [0, 40, 0] });
    assertCounted(seconds, measured / 1000, all / 1000);
    const { progressAt } = memory.read(7);
    assert.ok(
      progressAt > before - 1000 && progressAt < Date.now() + 1000,
      `${progressAt} is when the last call ended`,
    );
  });

  test(`${kind}: the flag ends the loop after the call that is under way`, async () => {
    const { run, counted, memory } = harness();
    let calls = 0;
    const end = await run(
      make(() => {
        calls++;
        if (calls === 1000) memory.requestStop();
      }),
    );
    assert.equal(end, 'stopped');
    assert.deepEqual([calls, counted().calls, counted().errors], [1000, 1000, 0]);
  });

  test(`${kind}: a call that fails is counted, as an error, and its error is passed on`, async () => {
    const { run, counted } = harness();
    let calls = 0;
    const broken = new Error('bad record');
    const running = run(
      make(() => {
        calls++;
        if (calls < 5) return;
        busy(2);
        throw broken;
      }),
    );
    await assert.rejects(running, (error) => error === broken);
    const { seconds, buckets, ...rest } = counted();
    assert.deepEqual([calls, rest], [5, { calls: 5, errors: 1 }]);
    assert.ok((buckets[1] ?? 0) >= 1 && seconds >= 0.002, 'the time of the failed call is counted');
  });
}

test('a loop whose stop was asked before it began calls nothing', async () => {
  const { run, counted, memory } = harness();
  memory.requestStop();
  assert.equal(await run(() => assert.fail('it was called')), 'stopped');
  assert.equal(counted().calls, 0);
  assert.ok(memory.cells[PROGRESS], 'its age is known all the same');
});

test('while the first call hangs the worker has an age', async () => {
  const { run, memory } = harness();
  const gate = deferred<void>();
  const running = run(() => gate.promise);
  const age = Date.now() - memory.read(7).progressAt;
  assert.ok(Math.abs(age) < 5_000, `it began ${age} ms ago`);
  memory.requestStop();
  gate.resolve();
  assert.equal(await running, 'stopped');
});

test('a call falls into the bucket of its duration', async () => {
  const { run, counted, context } = harness([0.001, 10]);
  const durations = [0, 20, 0, 20, 20];
  await run(() => {
    busy(durations[context.iteration] ?? 0);
    if (context.iteration + 1 === durations.length) context.finish();
  });
  const [short = 0, long = 0, beyond] = counted().buckets;
  assert.ok(long >= 3, 'the calls of 20 ms are beyond 1 ms');
  assert.deepEqual([short + long, beyond], [5, 0]);
  assert.ok(counted().seconds >= 0.06);

  const low = harness([0.0000001, 0.001, 0.002]);
  await low.run(() => {
    busy(5);
    low.context.finish();
  });
  assert.deepEqual(
    low.counted().buckets,
    [0, 0, 0, 1],
    'what is longer than the last bound has a bucket, too',
  );
});

test('two loops over the same memory go on counting', async () => {
  const { run, counted, context } = harness();
  const once = () => context.finish();
  await run(once);
  context.finished = false;
  await run(once);
  assert.equal(counted().calls, 2);
});

test('a thenable whose then throws is a call that failed', async () => {
  const { run, counted } = harness();
  const broken = new Error('no then');
  const thenable: PromiseLike<void> = {
    // biome-ignore lint/suspicious/noThenProperty: this is what it is about.
    then() {
      throw broken;
    },
  };
  await assert.rejects(
    run(() => thenable as Promise<void>),
    (error) => error === broken,
  );
  assert.deepEqual([counted().calls, counted().errors], [1, 1]);
});

test('a result whose property then cannot be read is a call that failed', async () => {
  const { run, counted } = harness();
  const broken = new Error('no then');
  const result = Object.defineProperty({}, 'then', {
    get() {
      throw broken;
    },
  });
  await assert.rejects(
    run(() => result as Promise<void>),
    (error) => error === broken,
  );
  assert.deepEqual([counted().calls, counted().errors], [1, 1]);
});

for (const [kind, worker] of [
  ['a function', () => {}],
  ['an async function that awaits only what is settled', async () => await null],
] as [string, () => Promise<void> | void][]) {
  test(`${kind}: timers and immediates of the thread run all the same`, async () => {
    const { run, memory } = harness();
    const ran: string[] = [];
    const note = (what: string) => {
      ran.push(what);
      if (ran.includes('timer') && ran.includes('immediate')) memory.requestStop();
    };
    setTimeout(() => note('timer'), 1);
    setImmediate(() => note('immediate'));
    assert.equal(await run(worker), 'stopped');
    assert.deepEqual(ran.sort(), ['immediate', 'timer']);
  });
}

test('what the thread does between two calls is not counted', async () => {
  const { run, counted, context } = harness([0.1]);
  // Each yield lets one of these in: they hold the thread ten times longer than the calls do.
  let turns = 0;
  let between = 0;
  const elsewhere = () => {
    turns++;
    between += busy(200);
    if (turns < 3) setImmediate(elsewhere);
    else context.finish();
  };
  setImmediate(elsewhere);
  let measured = 0;
  const from = performance.now();
  await run(() => {
    measured += busy(1);
  });
  const all = performance.now() - from;
  const { seconds } = counted();
  assert.equal(turns, 3);
  assertCounted(seconds, measured / 1000, (all - between) / 1000);
});

for (const [what, errorOf] of [
  ['the reason of the signal', (signal: AbortSignal) => signal.reason],
  ['an AbortError', () => new DOMException('stopped', 'AbortError')],
  ['an error by the name AbortError', () => Object.assign(new Error('x'), { name: 'AbortError' })],
] as [string, (signal: AbortSignal) => unknown][]) {
  test(`${what}, thrown after the stop, is passed on and no error; before it, it is one`, async () => {
    const after = harness();
    const stopped = after.run(async (_id, { signal }) => {
      await turn();
      after.memory.requestStop();
      after.stop.abort();
      throw errorOf(signal);
    });
    await assert.rejects(stopped);
    assert.deepEqual([after.counted().calls, after.counted().errors], [1, 0]);

    const before = harness();
    const failed = before.run(async () => {
      throw errorOf(after.stop.signal);
    });
    await assert.rejects(failed);
    assert.deepEqual([before.counted().calls, before.counted().errors], [1, 1]);
  });
}

test('the end of the feed, thrown after the stop, is no error; before it, it is one', async () => {
  for (const [isAsked, errors] of [
    [true, 0],
    [false, 1],
  ] as const) {
    const { run, counted, memory } = harness();
    const closed = new FeedClosed();
    const running = run(async () => {
      if (isAsked) memory.requestStop();
      throw closed;
    });
    await assert.rejects(running, (error) => error === closed);
    assert.deepEqual([counted().calls, counted().errors], [1, errors]);
  }
});

test('another error than that of the stop is an error after the stop, too', async () => {
  const { run, counted, stop } = harness();
  const failed = run(async () => {
    stop.abort();
    throw new Error('disk full');
  });
  await assert.rejects(failed, /disk full/);
  assert.equal(counted().errors, 1);
});

test('the report is of the cells: seconds, errors, progress and one bucket more than bounds', () => {
  const memory = WorkerMemory.allocate(2);
  memory.cells[SUM] = 1500;
  memory.cells[ERRORS] = 2;
  memory.cells[PROGRESS] = monotonicMs() - 5_000;
  memory.cells.set([3, 4, 5], BUCKETS);
  const report = { id: 1, seconds: 1.5, errors: 2, buckets: [3, 4, 5], droppedLines: 0, droppedMessages: 0 };
  for (const view of [memory, new WorkerMemory(memory.buffer)]) {
    const { progressAt, ...rest } = view.read(1);
    assert.deepEqual(rest, report);
    const age = Date.now() - progressAt;
    assert.ok(age >= 4_990 && age < 60_000, `the last call ended 5 s ago, not ${age} ms`);
  }
});

test('the flag is seen by another view of the memory, and wakes who waits for it', async () => {
  const memory = WorkerMemory.allocate(1);
  const other = new WorkerMemory(memory.buffer);
  assert.equal(other.stopRequested, false);
  const keepsAlive = setInterval(() => {}, 1000);
  const asked = other.stopAsked();
  memory.requestStop();
  await asked;
  clearInterval(keepsAlive);
  assert.equal(other.stopRequested, true);
  await other.stopAsked();
});
