import type { FeedReport } from '../host/host-message.js';

/** What went through the feed of a group since it was registered. */
export interface FeedCounters {
  /** Items and bytes that were taken. */
  readonly items: number;
  readonly bytes: number;
  /** Items that were put and that nobody will take. */
  readonly dropped: number;
  /** Sums over all puts and takes, those that wait now included. */
  readonly putWaitSeconds: number;
  readonly takeWaitSeconds: number;
}

export const NO_FEED_COUNTERS: FeedCounters = {
  items: 0,
  bytes: 0,
  dropped: 0,
  putWaitSeconds: 0,
  takeWaitSeconds: 0,
};

export function addFeedCounters(a: FeedCounters, b: FeedCounters): FeedCounters {
  return {
    items: a.items + b.items,
    bytes: a.bytes + b.bytes,
    dropped: a.dropped + b.dropped,
    putWaitSeconds: a.putWaitSeconds + b.putWaitSeconds,
    takeWaitSeconds: a.takeWaitSeconds + b.takeWaitSeconds,
  };
}

/**
 * What remains of a host's last report when it is dead: what waited is gone with it, and what was being written. What was
 * written in full lies where its taker can still read it.
 */
export function foldFeed(base: FeedCounters, last: FeedReport): FeedCounters {
  return addFeedCounters(base, {
    ...last,
    items: last.items + last.keptItems,
    bytes: last.bytes + last.keptBytes,
    dropped: last.dropped + last.heldItems,
  });
}

/** Whether a report can follow another of the same host. */
export function isLaterFeed(now: FeedReport, before: FeedReport): boolean {
  return (
    now.items >= before.items &&
    now.bytes >= before.bytes &&
    now.dropped >= before.dropped &&
    now.putWaitSeconds >= before.putWaitSeconds &&
    now.takeWaitSeconds >= before.takeWaitSeconds
  );
}
