import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addCounters, type Counters, iterations, rebin, zeroCounters } from '#dist/coordinator/counters.js';

const bounds = fc
  .uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 })
  .map((list) => list.sort((a, b) => a - b));
const counted = bounds.chain((of) =>
  fc.record({
    of: fc.constant(of),
    buckets: fc.array(fc.nat(50), { minLength: of.length + 1, maxLength: of.length + 1 }),
  }),
);

/** What a cumulative bucket of Prometheus says: calls that took at most `bound`. */
function upTo(counters: Counters, of: readonly number[], bound: number): number {
  return counters.buckets.reduce(
    (sum, count, i) => sum + ((of[i] ?? Number.POSITIVE_INFINITY) <= bound ? count : 0),
    0,
  );
}

test('other bounds lose no call, keep every shared bound, and claim nothing that is not known', () => {
  fc.assert(
    fc.property(counted, bounds, ({ of, buckets }, to) => {
      const before = { ...zeroCounters([]), seconds: 3, errors: 1, buckets };
      const after = rebin(before, of, to);
      assert.equal(iterations(after), iterations(before));
      assert.equal(after.buckets.length, to.length + 1);
      for (const bound of to) {
        const known = upTo(before, of, bound);
        assert.equal(upTo(after, to, bound), known, `up to ${bound}`);
      }
    }),
  );
});

test('counters add up', () => {
  const sum = addCounters(
    { seconds: 1, errors: 2, buckets: [3, 0], droppedLines: 4, droppedMessages: 0 },
    { seconds: 0.5, errors: 1, buckets: [1, 1], droppedLines: 1, droppedMessages: 2 },
  );
  assert.deepEqual(sum, {
    seconds: 1.5,
    errors: 3,
    buckets: [4, 1],
    droppedLines: 5,
    droppedMessages: 2,
  });
  assert.equal(iterations(zeroCounters([1, 2, 3])), 0);
});
