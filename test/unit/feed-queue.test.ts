import assert from 'node:assert/strict';
import test from 'node:test';
import type { Delivery } from '#dist/feed/items.js';
import { marks, QueueBench } from '../support/feed-queue.js';

test('items come as they were put, with worker and number', () => {
  const bench = new QueueBench();
  bench.put(0, 10);
  bench.put(2, 11);
  bench.put(0, 12);
  const delivery = bench.deliver(2);
  assert.deepEqual(
    delivery?.items.map(({ workerId, sequence, contentType }) => [workerId, sequence, contentType]),
    [
      [0, 0, 'a/b'],
      [2, 0, 'a/b'],
    ],
  );
  delivery?.confirmed();
  assert.equal(bench.deliver()?.items[0]?.sequence, 1);
});

test('a put waits while the queue is full, and until what is taken is written', () => {
  const bench = new QueueBench({ capacity: 2 });
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  assert.deepEqual(bench.settled, ['1 taken', '2 taken']);
  const delivery = bench.deliver();
  assert.equal(bench.settled.length, 2, 'what is being written still needs its room');
  delivery?.written();
  assert.deepEqual(bench.settled, ['1 taken', '2 taken', '3 taken']);
  assert.deepEqual(bench.take(9), [2, 3]);
});

test('memory of what was taken is there before whoever gets the room is told', () => {
  const bench = new QueueBench({ capacity: 1 });
  bench.put(0, 1);
  bench.put(1, 2);
  bench.take();
  assert.deepEqual(bench.history, ['1 taken', '1 released', '2 taken']);
});

test('bytes are bounded like items; a large one is waited for, not passed by', () => {
  const bench = new QueueBench({ capacity: 100, maxBytes: 100 });
  bench.put(0, 1, 60);
  bench.put(1, 2, 60);
  bench.put(2, 3, 10);
  assert.deepEqual(bench.settled, ['1 taken']);
  assert.equal(bench.queue.heldBytes, 60);
  assert.deepEqual(bench.take(9), [1]);
  assert.deepEqual(bench.take(9), [2, 3]);
  bench.put(0, 4, 101);
  assert.equal(bench.settled.at(-1), '4 refused', 'it could never fit');
});

test('metadata counts like bytes, until it is taken', () => {
  const bench = new QueueBench({ capacity: 100, maxBytes: 100 });
  bench.put(0, 1, 40, '"20 more characters"');
  bench.put(1, 2, 10, `"${'.'.repeat(38)}"`);
  assert.deepEqual(bench.settled, ['1 taken']);
  assert.equal(bench.queue.heldBytes, 60);
  assert.deepEqual(bench.take(9), [1]);
  assert.deepEqual(bench.settled, ['1 taken', '2 taken']);
  assert.deepEqual([bench.queue.heldBytes, bench.queue.takenBytes], [50, 40]);
  assert.deepEqual(bench.take(9), [2]);
  assert.equal(bench.queue.heldBytes, 0);
  bench.put(0, 3, 61, `"${'.'.repeat(38)}"`);
  assert.equal(bench.settled.at(-1), '3 refused');
});

test('items of no bytes count as items', () => {
  const bench = new QueueBench({ capacity: 1, maxBytes: 1 });
  bench.put(0, 1, 0);
  bench.put(0, 2, 0);
  assert.deepEqual(bench.settled.length, 1);
  assert.equal(bench.deliver()?.items[0].bytes.byteLength, 0);
});

test('whoever puts much does not push the others out', () => {
  const bench = new QueueBench({ capacity: 1 });
  for (let mark = 1; mark <= 6; mark++) bench.put(0, mark);
  bench.put(1, 11);
  bench.put(2, 21);
  bench.put(1, 12);
  const order: number[] = [];
  for (let i = 0; i < 9; i++) order.push(...bench.take());
  assert.deepEqual(order, [1, 2, 11, 21, 3, 12, 4, 5, 6]);
});

test('what could not be written goes back to the head, in its order, whoever gives up first', () => {
  const bench = new QueueBench({ capacity: 6 });
  for (let mark = 1; mark <= 6; mark++) bench.put(mark % 3, mark);
  const first = bench.deliver(2);
  const second = bench.deliver(2);
  assert.deepEqual(
    [marks(first), marks(second)],
    [
      [1, 2],
      [3, 4],
    ],
  );
  first?.undo();
  second?.undo();
  assert.deepEqual(bench.take(9), [1, 2, 3, 4, 5, 6]);
  assert.equal(bench.queue.takenItems, 6, 'each counts once');
  assert.deepEqual(bench.released, [1, 2, 3, 4, 5, 6], 'and its memory goes when it is taken');
});

test('what was written and comes back is more than the capacity for a moment, and nothing is lost', () => {
  const bench = new QueueBench({ capacity: 2 });
  for (const mark of [1, 2, 3, 4]) bench.put(0, mark);
  const delivery = bench.deliver(2);
  delivery?.written();
  assert.deepEqual(bench.settled.length, 4);
  delivery?.undo();
  bench.put(0, 5);
  assert.equal(bench.queue.depth, 4);
  assert.deepEqual(bench.take(3), [1, 2, 3]);
  assert.deepEqual(bench.take(3), [4, 5]);
});

test('what is written is in no other counter until it is confirmed, or comes back', () => {
  const bench = new QueueBench();
  for (const mark of [1, 2, 3]) bench.put(0, mark, 10, '{}');
  const counters = () => {
    const { heldItems, keptItems, keptBytes, takenItems, takenBytes } = bench.queue;
    return [heldItems, keptItems, keptBytes, takenItems, takenBytes];
  };
  const first = bench.deliver();
  const second = bench.deliver();
  assert.deepEqual(counters(), [3, 0, 0, 0, 0]);
  first?.written();
  second?.written();
  assert.deepEqual(counters(), [1, 2, 20, 0, 0]);
  first?.confirmed();
  assert.deepEqual(counters(), [1, 1, 10, 1, 10]);
  second?.undo();
  assert.deepEqual(counters(), [2, 0, 0, 1, 10]);
});

test('the end of a delivery is its first', () => {
  const bench = new QueueBench();
  bench.put(0, 1);
  const delivery = bench.deliver();
  delivery?.confirmed();
  delivery?.undo();
  delivery?.written();
  assert.equal(bench.queue.depth, 0);
  assert.equal(bench.queue.heldBytes, 0);
});

test('takers are served in the order in which they asked, with what has come together', () => {
  const bench = new QueueBench();
  const got: [string, number[]][] = [];
  const ask = (name: string, max: number) =>
    bench.queue.ask(max, (delivery?: Delivery) => got.push([name, marks(delivery)]));
  ask('a', 2);
  const withdraw = ask('b', 9);
  ask('c', 9);
  withdraw();
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  assert.deepEqual(got, []);
  bench.later();
  assert.deepEqual(got, [
    ['a', [1, 2]],
    ['c', [3]],
  ]);
});

test('what comes back is given to who waits', () => {
  const bench = new QueueBench();
  bench.put(0, 1);
  const delivery = bench.deliver();
  let got: number[] = [];
  bench.queue.ask(1, (second) => {
    got = marks(second);
  });
  delivery?.undo();
  bench.later();
  assert.deepEqual(got, [1]);
});

test('many who wait and have gone give back what comes to them, and the next one gets it', () => {
  const bench = new QueueBench({ capacity: 3 });
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  const all = bench.deliver(3);
  for (let i = 0; i < 20_000; i++) bench.queue.ask(1 + (i % 3), (delivery) => delivery?.undo());
  let got: number[] = [];
  bench.queue.ask(9, (delivery) => {
    got = marks(delivery);
  });
  all?.undo();
  bench.later();
  assert.deepEqual(got, [1, 2, 3]);
});

test('who waits behind a large item gets in when that one is refused', () => {
  const bench = new QueueBench({ maxBytes: 100 });
  bench.put(0, 1, 60);
  bench.put(1, 2, 60);
  bench.put(2, 3, 10);
  bench.queue.refuse(1);
  assert.deepEqual(bench.settled, ['1 taken', '2 refused', '3 taken']);
});

test('ordered: one of each worker in turn, whoever is quicker', () => {
  const bench = new QueueBench({ capacity: 100, ordered: true });
  for (const mark of [20, 21, 22]) bench.put(2, mark);
  for (const mark of [10, 11]) bench.put(1, mark);
  assert.equal(bench.queue.depth, 0, 'it is the turn of the first');
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  assert.deepEqual(bench.take(99), [1, 10, 20, 2, 11, 21, 3]);
  assert.deepEqual(bench.take(99), []);
  bench.put(1, 12);
  assert.deepEqual(bench.take(99), [12, 22]);
});

test('ordered: who has finished leaves the round, once all that it has put is through', () => {
  const bench = new QueueBench({ capacity: 100, ordered: true });
  bench.put(1, 10);
  bench.put(1, 11);
  bench.queue.leave(1);
  bench.put(0, 1);
  bench.put(2, 20);
  assert.deepEqual(bench.take(99), [1, 10, 20]);
  for (const mark of [2, 3, 4]) bench.put(0, mark);
  bench.queue.leave(2);
  assert.deepEqual(bench.take(99), [2, 11, 3, 4], 'the last goes on alone');
});

test('ordered: the one that is waited for leaves, and another joins', () => {
  const bench = new QueueBench({ capacity: 100, ordered: true });
  bench.put(1, 10);
  bench.put(2, 20);
  bench.queue.leave(0);
  assert.deepEqual(bench.take(99), [10, 20]);
  bench.queue.join(7, 3);
  bench.put(1, 11);
  bench.put(2, 21);
  bench.put(7, 70);
  bench.put(1, 12);
  assert.deepEqual(bench.take(99), [11, 21, 70, 12]);
});

test('ordered: what a worker that failed has waited with is refused, and it keeps its turn', () => {
  const bench = new QueueBench({ capacity: 100, ordered: true });
  bench.put(0, 1);
  bench.put(1, 10);
  bench.put(1, 11);
  bench.queue.refuse(1);
  bench.put(2, 20);
  assert.deepEqual(bench.settled, ['1 taken', '10 taken', '11 refused', '20 taken']);
  bench.put(0, 2);
  bench.put(2, 21);
  assert.deepEqual(bench.take(99), [1, 10, 20, 2]);
  bench.queue.join(1, 1);
  bench.put(1, 12);
  assert.deepEqual(bench.take(99), [12, 21]);
});

test('closed: everybody is woken, what waits is dropped, and what comes back later, too', () => {
  const bench = new QueueBench({ capacity: 2 });
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  const delivery = bench.deliver();
  bench.queue.close();
  assert.deepEqual(bench.settled, ['1 taken', '2 taken', '3 refused']);
  assert.equal(bench.queue.dropped, 1);
  delivery?.undo();
  assert.equal(bench.queue.dropped, 2, 'what was refused was never put');
  bench.put(0, 4);
  assert.equal(bench.settled.at(-1), '4 refused');
  assert.deepEqual(bench.released.sort(), [1, 2, 3, 4], 'and all memory is let go');
  let answer: unknown = 'none';
  bench.queue.ask(1, (given) => {
    answer = given;
  });
  assert.equal(answer, undefined);
});

test('closed: a taker that waits is woken', () => {
  const bench = new QueueBench();
  let answer: unknown = 'none';
  bench.queue.ask(1, (given) => {
    answer = given;
  });
  bench.queue.close();
  assert.equal(answer, undefined);
});

test('drained is told once, when everything is taken and confirmed', () => {
  const bench = new QueueBench({ capacity: 1 });
  let drained = 0;
  bench.put(0, 1);
  bench.put(0, 2);
  bench.queue.drained(() => drained++);
  bench.take();
  const last = bench.deliver();
  last?.written();
  assert.equal(drained, 0);
  last?.undo();
  bench.take();
  assert.equal(drained, 1);
  bench.put(0, 3);
  bench.take();
  assert.equal(drained, 1);
});

test('waiting is counted while it lasts, of puts and of takes', () => {
  const bench = new QueueBench({ capacity: 1 });
  bench.clock.advance(5_000);
  for (const mark of [1, 2, 3]) bench.put(0, mark);
  bench.clock.advance(1_000);
  assert.deepEqual([bench.queue.putWait.sum, bench.queue.putWait.any], [2_000, 1_000]);
  bench.take(1);
  bench.take(1);
  bench.take(1);
  bench.clock.advance(1_000);
  assert.equal(bench.queue.putWait.sum, 2_000);
  assert.equal(bench.queue.takeWait.sum, 0, 'there was always something');
  const withdrawals = [1, 2].map(() => bench.queue.ask(1, () => {}));
  bench.clock.advance(3_000);
  for (const withdraw of withdrawals) withdraw();
  bench.clock.advance(1_000);
  assert.deepEqual([bench.queue.takeWait.sum, bench.queue.takeWait.any], [6_000, 3_000]);
});
