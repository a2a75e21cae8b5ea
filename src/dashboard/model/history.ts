import { type CallRate, type CallTimes, callRate } from '../../readings/call-times.js';
import { itemRate } from '../../readings/item-rate.js';
import type { GroupStatus } from '../../schemas/group-status.js';
import { MOST_POLL_SECONDS, READ_SECONDS } from './backoff.js';
import { NO_POINT, type Point, Series } from './series.js';

/** What the service has told at one moment. */
export interface Snapshot {
  /** Seconds of a clock that never goes back. */
  readonly at: number;
  readonly groups: readonly GroupStatus[];
  readonly times: ReadonlyMap<string, CallTimes>;
}

/** A group as it is, and what became of it. */
export interface GroupView {
  readonly group: GroupStatus;
  /** Over the last seconds; undefined until there are two snapshots of the group to compare. */
  readonly calls: CallRate | undefined;
  /** Processors' worth of time over the last seconds; undefined without a process that was there before. */
  readonly cpu: number | undefined;
  /** Items a second that were taken over the last seconds; undefined without a feed that was there before. */
  readonly items: number | undefined;
  readonly series: Series;
}

/** Over so many seconds rates and quantiles are made: long enough to be calm, short enough to follow what happens. */
export const WINDOW_SECONDS = 5;

/** Without a snapshot for so long there is a gap: what was in between is not known. A slow service is none. */
const GAP_SECONDS = MOST_POLL_SECONDS + 2 * READ_SECONDS + 5;

/** Makes of snapshots, one after the other, what there is to see of each group. */
export class History {
  readonly #series = new Map<string, Series>();
  #window: Snapshot[] = [];
  #views: readonly GroupView[] = [];

  /** The groups of the last snapshot, in order of registration. */
  get views(): readonly GroupView[] {
    return this.#views;
  }

  clear(): void {
    this.#series.clear();
    this.#window = [];
    this.#views = [];
  }

  add(snapshot: Snapshot): void {
    const last = this.#window.at(-1);
    if (last !== undefined && snapshot.at - last.at > GAP_SECONDS) {
      this.#window = [];
      for (const series of this.#series.values()) series.add(last.at, NO_POINT);
    }
    const known = new Set(snapshot.groups.map(({ name }) => name));
    for (const name of this.#series.keys()) if (!known.has(name)) this.#series.delete(name);
    // One that is older than the window stays: between it and the next the window begins.
    const first = this.#window.findLastIndex(({ at }) => at <= snapshot.at - WINDOW_SECONDS);
    this.#window.splice(0, Math.max(first, 0));
    this.#views = snapshot.groups.map((group) => this.#view(group, snapshot));
    this.#window.push(snapshot);
  }

  #view(group: GroupStatus, { at, times }: Snapshot): GroupView {
    const before = this.#window.find((snapshot) => snapshot.times.has(group.name));
    const [from, to] = [before?.times.get(group.name), times.get(group.name)];
    const seconds = before === undefined ? 0 : at - before.at;
    const calls = from === undefined || to === undefined ? undefined : callRate(from, to, seconds);
    const series = this.#series.get(group.name) ?? new Series();
    this.#series.set(group.name, series);
    const items = this.#items(group, at);
    series.add(at, pointOf(group, calls, items));
    return { group, calls, cpu: this.#cpu(group, at), items, series };
  }

  #items(group: GroupStatus, at: number): number | undefined {
    for (const { at: then, groups } of this.#window) {
      const old = groups.find(({ name, feed }) => name === group.name && feed !== null);
      if (old !== undefined) return itemRate(old, group, at - then);
    }
    return undefined;
  }

  #cpu({ name, host }: GroupStatus, at: number): number | undefined {
    if (host === null) return undefined;
    for (const { at: then, groups } of this.#window) {
      const old = groups.find((group) => group.name === name)?.host;
      if (old?.pid === host.pid && at > then) return (host.cpuSeconds - old.cpuSeconds) / (at - then);
    }
    return undefined;
  }
}

function pointOf({ host, feed }: GroupStatus, calls: CallRate | undefined, items: number | undefined): Point {
  const atWork = host !== null;
  return {
    perSecond: calls?.perSecond ?? null,
    median: calls?.median ?? null,
    p99: calls?.p99 ?? null,
    feedDepth: atWork ? (feed?.depth ?? null) : null,
    itemsPerSecond: items ?? null,
    takeWaitShare: atWork ? (feed?.takeWaitShare ?? null) : null,
    putWaitShare: atWork ? (feed?.putWaitShare ?? null) : null,
    memoryMib: host === null ? null : host.memoryBytes / 2 ** 20,
  };
}
