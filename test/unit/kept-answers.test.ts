import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import test from 'node:test';
import { KEPT_LIMITS, KeptAnswers } from '#dist/feed/kept-answers.js';
import { FakeClock } from '../support/fake-clock.js';
import { QueueBench } from '../support/feed-queue.js';

/** Answers to takers that are no more than names. */
class KeptBench {
  readonly clock = new FakeClock();
  readonly queue = new QueueBench({ capacity: 1_000, maxBytes: 2 ** 30 });
  readonly kept: KeptAnswers;

  constructor(limits: Partial<typeof KEPT_LIMITS> = {}) {
    this.kept = new KeptAnswers({ ...KEPT_LIMITS, ...limits }, this.clock);
  }

  /** Keeps an answer of so many items of so many bytes each, and returns its taker. */
  keep(items: number, bytes: number, meta?: string, taker = new Socket()): Socket {
    for (let i = 0; i < items; i++) this.queue.put(0, 1, bytes, meta);
    const delivery = this.queue.deliver(items);
    assert.ok(delivery);
    this.kept.keep(taker, delivery);
    return taker;
  }

  /** How many items are kept, are taken, and wait again. */
  get items(): number[] {
    const { keptItems, takenItems, depth } = this.queue.queue;
    return [keptItems, takenItems, depth];
  }
}

test('an answer is kept for its time, and is taken then', () => {
  const bench = new KeptBench();
  const taker = bench.keep(2, 10);
  bench.clock.advance(4_999);
  assert.deepEqual(bench.items, [2, 0, 0]);
  bench.clock.advance(1);
  assert.deepEqual(bench.items, [0, 2, 0]);
  bench.kept.takeBack(taker);
  assert.deepEqual(bench.items, [0, 2, 0]);
});

test('who goes without it gives it back, who asks for more has it', () => {
  const bench = new KeptBench();
  const gone = bench.keep(1, 10);
  const asks = bench.keep(1, 10);
  bench.kept.confirm(asks);
  assert.deepEqual(bench.items, [1, 1, 0]);
  bench.kept.takeBack(gone);
  assert.deepEqual([bench.items, bench.clock.pending], [[0, 1, 1], 0]);
});

test('the last answer of a taker is kept: those before it are taken', () => {
  const bench = new KeptBench();
  const taker = bench.keep(1, 10);
  bench.keep(2, 10, undefined, taker);
  assert.deepEqual([bench.items, bench.clock.pending], [[2, 1, 0], 1]);
});

test('an answer larger than a socket holds is taken when it is written, its metadata included', () => {
  const bench = new KeptBench();
  bench.keep(1, 256 * 1024);
  assert.deepEqual(bench.items, [1, 0, 0]);
  bench.keep(1, 256 * 1024 + 1);
  assert.deepEqual(bench.items, [1, 1, 0]);
  bench.keep(1, 256 * 1024 - 1, '{}');
  assert.deepEqual(bench.items, [1, 2, 0]);
});

test('what is kept for all takers together has a bound: what does not fit any more is taken at once', () => {
  const bench = new KeptBench();
  const takers = Array.from({ length: 100 }, () => bench.keep(1, 250_000));
  const fit = Math.floor((16 * 1024 * 1024) / (250_000 + 64));
  assert.deepEqual(bench.items, [fit, 100 - fit, 0]);
  // The place of one that has gone, or has asked for more, is free again.
  bench.kept.takeBack(takers[0] ?? new Socket());
  bench.kept.confirm(takers[1] ?? new Socket());
  assert.deepEqual(bench.queue.take(), [1]);
  const before = bench.items;
  bench.keep(1, 250_000);
  bench.keep(1, 250_000);
  assert.equal(bench.items[0], (before[0] ?? 0) + 2);
  bench.keep(1, 250_000);
  assert.equal(bench.items[0], (before[0] ?? 0) + 2);
  bench.kept.confirmAll();
  assert.deepEqual([bench.items[0], bench.clock.pending], [0, 0]);
});

test('metadata counts for the bound, and each item does, if it is of no bytes', () => {
  const bench = new KeptBench({ bytesInAll: 1_000 });
  bench.keep(1, 0, 'x'.repeat(700));
  assert.deepEqual(bench.items, [1, 0, 0]);
  bench.keep(4, 0);
  assert.deepEqual(bench.items, [1, 4, 0]);
  bench.keep(3, 0);
  assert.deepEqual(bench.items, [4, 4, 0]);
});
