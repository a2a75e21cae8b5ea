import assert from 'node:assert/strict';
import test from 'node:test';
import { foldFeed, NO_FEED_COUNTERS } from '#dist/coordinator/feed-counters.js';

test('a host that is dead: what it had written in full is taken, what else it held is lost', () => {
  const last = {
    depth: 30,
    heldItems: 40,
    heldBytes: 450,
    keptItems: 60,
    keptBytes: 600,
    items: 100,
    bytes: 1000,
    dropped: 7,
    putWaitSeconds: 1.5,
    takeWaitSeconds: 2.5,
    takers: 1,
    putWaitShare: 0.5,
    takeWaitShare: 0.5,
  };
  const once = { items: 160, bytes: 1600, dropped: 47, putWaitSeconds: 1.5, takeWaitSeconds: 2.5 };
  assert.deepEqual(foldFeed(NO_FEED_COUNTERS, last), once);
  assert.deepEqual(foldFeed(once, last), {
    items: 320,
    bytes: 3200,
    dropped: 94,
    putWaitSeconds: 3,
    takeWaitSeconds: 5,
  });
});
