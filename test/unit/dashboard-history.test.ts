import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbersOf, presentCall } from '#dist/dashboard/model/group-text.js';
import { History } from '#dist/dashboard/model/history.js';
import { pageClock } from '#dist/dashboard/model/page-clock.js';
import { NO_POINT, Series } from '#dist/dashboard/model/series.js';
import { ServiceClock } from '#dist/dashboard/model/service-clock.js';
import { remarksOf } from '#dist/readings/group-words.js';
import { itemRate } from '#dist/readings/item-rate.js';
import type { GroupStatus } from '#dist/schemas/group-status.js';
import { EXAMPLE, snapshot } from '../support/dashboard.js';

const FEED: NonNullable<GroupStatus['feed']> = {
  socket: null,
  capacity: 8,
  maxBytes: 1000,
  ordered: false,
  depth: 0,
  bytes: 0,
  takers: 0,
  takenItems: 0,
  takenBytes: 0,
  dropped: 0,
  putWaitSeconds: 0,
  takeWaitSeconds: 0,
  putWaitShare: 0,
  takeWaitShare: 0,
};

test('history makes rates of snapshots, with gaps where nothing is known', () => {
  const history = new History();
  for (let second = 0; second <= 10; second++)
    history.add(snapshot(second, second < 5 ? 0 : 100 * (second - 5)));
  const [view] = history.views;
  assert.ok(view);
  assert.equal(view.calls?.perSecond, 100, 'over the last five seconds');
  assert.equal(view.cpu, 0);
  assert.equal(view.series.column('perSecond')[0], null, 'of one snapshot alone');
  assert.deepEqual(numbersOf(view), {
    workers: '1/1',
    perSecond: '100',
    median: '993 µs',
    p99: '1.00 ms',
    memory: '74 MiB',
    cpu: '0 %',
    feedDepth: null,
    itemsPerSecond: '-',
    trainerWaits: '-',
    workersWait: '-',
    waits: null,
  });

  history.add(snapshot(100, 0, { host: null }));
  assert.deepEqual(view.series.column('memoryMib').slice(-2), [null, null]);
  assert.equal(history.views[0]?.calls, undefined, 'after a gap it begins anew');
  history.add(snapshot(101, 10, { name: 'other' }));
  assert.equal(history.views[0]?.series.length, 1, 'another group');
});

test('of a feed it is said who waits for whom', () => {
  const waits = (feed: { takeWaitShare: number; putWaitShare: number } | null, change: object = {}) => {
    const history = new History();
    const full = feed && { ...FEED, ...feed };
    history.add(snapshot(0, 0, { feed: full, ...change }));
    const [view] = history.views;
    return view && numbersOf(view).waits;
  };
  assert.equal(waits(null), null);
  assert.equal(waits({ takeWaitShare: 0.5, putWaitShare: 0.1 }), 'trainer waits 50 %');
  assert.equal(waits({ takeWaitShare: 0, putWaitShare: 1 }), 'workers wait 100 %');
  assert.equal(waits({ takeWaitShare: 0, putWaitShare: 0 }, { host: null }), null);
});

test('items a second are those that were taken in the last seconds', () => {
  const history = new History();
  const taken = (second: number, takenItems: number) => {
    history.add(snapshot(second, 0, { feed: { ...FEED, takenItems } }));
    return history.views[0]?.items;
  };
  assert.equal(taken(0, 50), undefined);
  assert.equal(taken(1, 60), 10);
  assert.equal(taken(4, 90), 10);
  assert.equal(taken(11, 90), 0, 'of what was before the window, nothing');
  assert.equal(taken(12, 3), undefined, 'it was registered anew');
  assert.deepEqual(history.views[0]?.series.column('itemsPerSecond'), [null, 10, 10, 0, null]);
});

test('items a second need a feed at both ends', () => {
  const look = (takenItems: number | undefined) =>
    snapshot(0, 0, { feed: takenItems === undefined ? null : { ...FEED, takenItems } })
      .groups[0] as GroupStatus;
  assert.equal(itemRate(look(10), look(40), 2), 15);
  assert.equal(itemRate(look(undefined), look(40), 2), undefined);
  assert.equal(itemRate(look(10), look(undefined), 2), undefined);
  assert.equal(itemRate(undefined, look(40), 2), undefined);
  assert.equal(itemRate(look(10), look(40), 0), undefined);
});

test('series keep the last minutes', () => {
  const series = new Series(10);
  for (let second = 0; second < 100; second++) series.add(second, { ...snapshotPoint(), perSecond: second });
  assert.equal(series.length, 11);
  assert.deepEqual([series.times[0], series.column('perSecond')[0]], [89, 89]);
});

function snapshotPoint() {
  return { ...NO_POINT, perSecond: 0, median: 0, p99: 0, memoryMib: 1 };
}

test('what there is to say of a group and its workers', () => {
  const clock = new ServiceClock(() => Date.parse('2026-01-01T12:00:40.000Z'));
  const [worker] = EXAMPLE.workers;
  assert.ok(worker);
  assert.equal(presentCall(worker, clock), '10 s');
  assert.equal(presentCall({ ...worker, lastProgress: '2026-01-01T12:00:39.900Z' }, clock), '< 1 s');
  assert.equal(presentCall({ ...worker, state: 'stopped' }, clock), '-');
  const restartAt = '2026-01-01T12:00:43.000Z';
  assert.deepEqual(remarksOf({ ...EXAMPLE, reason: 'why', restartAt, restartPending: true }, clock.now()), [
    'why',
    'starts again in 3 s',
    'its spec has changed since it was started',
  ]);
});

test('the clock of the page never goes back, and goes on while the machine sleeps', () => {
  let [monotonic, wall] = [500, 1_000_000];
  const seconds = pageClock(
    () => monotonic,
    () => wall,
  );
  assert.equal(seconds(), 1_000);
  monotonic += 2_000;
  wall += 2_500;
  assert.equal(seconds(), 1_002, 'by its own count');
  wall -= 60_000;
  assert.equal(seconds(), 1_002, 'whatever somebody does to the wall clock');
  wall += 60_000 + 3_600_000;
  assert.equal(seconds(), 4_602.5, 'an hour in which nothing was counted');
  monotonic += 1_000;
  wall += 1_000;
  assert.equal(seconds(), 4_603.5);
});
