import type { Group } from '../coordinator/group.js';

interface FeedMetric {
  readonly kind: 'gauge' | 'counter';
  readonly name: string;
  readonly help: string;
  readonly read: (group: Group) => number;
}

/** Whether the trainer waits for data, or the workers for the trainer. */
export const FEED_METRICS: readonly FeedMetric[] = [
  {
    kind: 'gauge',
    name: 'worker_feed_depth',
    help: 'Items that wait in the feed of the group.',
    read: ({ incarnation }) => incarnation?.feed?.depth ?? 0,
  },
  {
    kind: 'gauge',
    name: 'worker_feed_capacity',
    help: 'The most items that may wait in the feed.',
    read: ({ incarnation, spec }) => (incarnation?.spec.feed ?? spec.feed)?.capacity ?? 0,
  },
  {
    kind: 'counter',
    name: 'worker_feed_items_total',
    help: 'Items that were taken from the feed.',
    read: ({ feed }) => feed.items,
  },
  {
    kind: 'counter',
    name: 'worker_feed_bytes_total',
    help: 'Bytes of the items that were taken.',
    read: ({ feed }) => feed.bytes,
  },
  {
    kind: 'counter',
    name: 'worker_feed_dropped_total',
    help: 'Items that were put and then lost, because the group was stopped or has failed.',
    read: ({ feed }) => feed.dropped,
  },
  {
    kind: 'counter',
    name: 'worker_feed_put_wait_seconds_total',
    help: 'Time that puts of workers waited for room in the feed.',
    read: ({ feed }) => feed.putWaitSeconds,
  },
  {
    kind: 'counter',
    name: 'worker_feed_take_wait_seconds_total',
    help: 'Time that takers waited for an item.',
    read: ({ feed }) => feed.takeWaitSeconds,
  },
];
