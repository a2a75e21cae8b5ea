import assert from 'node:assert/strict';
import test from 'node:test';
import { StarvationWatch } from '#dist/feed/starvation.js';
import { WaitShares } from '#dist/feed/wait-shares.js';
import { QueueBench } from '../support/feed-queue.js';

/** A queue that is looked at twice a second. */
function watched() {
  const bench = new QueueBench();
  const now = () => bench.clock.now();
  const watch = new StarvationWatch(bench.queue, now);
  const shares = new WaitShares(bench.queue.putWait, bench.queue.takeWait, now);
  const told: string[] = [];
  const pass = (seconds: number) => {
    for (let i = 0; i < seconds * 2; i++) {
      bench.clock.advance(500);
      shares.tick();
      const text = watch.check();
      if (text !== undefined) told.push(text);
    }
    return told.splice(0);
  };
  return { bench, pass, shares };
}

test('a taker that waits in vain is told of after 10 s, then once a minute', () => {
  const { bench, pass } = watched();
  assert.deepEqual(pass(30), [], 'nobody has asked');
  bench.queue.ask(1, () => {});
  assert.deepEqual(pass(9), []);
  assert.match(pass(2).join(), /^the trainer has waited 10 s for an item, and none came/);
  assert.deepEqual(pass(55), []);
  assert.match(pass(120).join('\n'), /^the trainer starves: for 2 min .* 100 % of the time.*\n.*for 3 min/);
});

test('questions that were given up and asked again count as one wait', () => {
  const { bench, pass } = watched();
  for (let i = 0; i < 3; i++) {
    const withdraw = bench.queue.ask(1, () => {});
    assert.deepEqual(pass(3), []);
    withdraw();
  }
  bench.queue.ask(1, () => {});
  assert.equal(pass(2).length, 1);
});

test('too few items are no wait in vain, but are told of once a minute, until there are enough', () => {
  const { bench, pass } = watched();
  let mark = 0;
  const feedOne = () => {
    bench.put(0, mark++);
    bench.later();
  };
  /** A taker that waits most of the time, and gets an item each 4 s. */
  const starves = (seconds: number) => {
    const told: string[] = [];
    for (let i = 0; i < seconds / 4; i++) {
      told.push(...pass(1));
      bench.queue.ask(1, (delivery) => delivery?.confirmed());
      told.push(...pass(3));
      feedOne();
    }
    return told;
  };
  const told = starves(130);
  assert.equal(told.length, 2, told.join('\n'));
  assert.match(told.join('\n'), /^the trainer starves: for 1 min .* 7[0-9] % of the time.*\n.*for 2 min/);
  feedOne();
  feedOne();
  assert.deepEqual(pass(120), [], 'it has filled up');
});

test('a trainer that waits a little for each item does not starve', () => {
  const { bench, pass } = watched();
  for (let i = 0; i < 40; i++) {
    assert.deepEqual(pass(4.5), []);
    bench.queue.ask(1, (delivery) => delivery?.confirmed());
    assert.deepEqual(pass(0.5), []);
    bench.put(0, i);
    bench.later();
  }
});

test('items that others have asked for and do not read are told of', () => {
  const { bench, pass } = watched();
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  assert.equal(bench.deliver(3)?.items.length, 3);
  bench.queue.ask(1, () => {});
  assert.match(pass(11).join(), /none came: 3 are on their way to other takers$/);
});

test('nobody asks any more: nothing is said', () => {
  const { bench, pass } = watched();
  const withdraw = bench.queue.ask(1, () => {});
  assert.equal(pass(11).length, 1);
  withdraw();
  assert.deepEqual(pass(49), []);
  pass(60);
  assert.deepEqual(pass(180), []);
});

test('the shares are of the last minute', () => {
  const { bench, pass, shares } = watched();
  assert.deepEqual(shares.read(), { put: 0, take: 0 });
  const withdraw = bench.queue.ask(1, () => {});
  pass(10);
  withdraw();
  assert.deepEqual(shares.read(), { put: 0, take: 1 });
  pass(10);
  assert.deepEqual(shares.read(), { put: 0, take: 0.5 });
  pass(100);
  assert.deepEqual(shares.read(), { put: 0, take: 0 });
  for (const mark of [1, 2, 3, 4, 5]) bench.put(0, mark);
  pass(60);
  assert.deepEqual(shares.read(), { put: 1, take: 0 });
});
