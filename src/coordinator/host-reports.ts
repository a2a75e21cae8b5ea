import type { FeedReport, HostReport, WorkerReport } from '../host/host-message.js';
import { isLaterFeed } from './feed-counters.js';

/** What a host last told of itself. */
export interface HostUsage {
  /** Resident memory, in bytes. */
  readonly rssBytes: number;
  /** Processor time since its start, in seconds. */
  readonly cpuSeconds: number;
}

/** The reports of one host: the last of each worker that can be true, and who waits for a newer one. */
export class HostReports {
  readonly #buckets: number;
  readonly #waiting = new Map<number, () => void>();
  readonly #workers = new Map<number, WorkerReport>();
  #usage: HostUsage | undefined;
  #feed: FeedReport | undefined;
  #requests = 0;

  /** @param buckets how many a worker of this host counts in */
  constructor(buckets: number) {
    this.#buckets = buckets;
  }

  get usage(): HostUsage | undefined {
    return this.#usage;
  }

  /** The last report of the feed; undefined while there is none. */
  get feed(): FeedReport | undefined {
    return this.#feed;
  }

  /** The last report of one worker. */
  worker(id: number): WorkerReport | undefined {
    return this.#workers.get(id);
  }

  /**
   * Takes in a report. One in which a count goes back, or that has more errors than calls, is not of our making:
   * user code can write to the host's end of the channel. It is dropped. A worker that a report leaves out keeps
   * what it had; of others than `ids` nothing is kept.
   */
  accept(report: HostReport, ids: readonly number[]): void {
    if (this.#isPlausible(report)) {
      this.#usage = { rssBytes: report.rssBytes, cpuSeconds: report.cpuSeconds };
      this.#feed = report.feed ?? this.#feed;
      for (const worker of report.workers) if (ids.includes(worker.id)) this.#workers.set(worker.id, worker);
    }
    for (const [request, resolve] of this.#waiting) {
      if (request > report.request) continue;
      this.#waiting.delete(request);
      resolve();
    }
  }

  /** The worker has left. */
  forget(id: number): void {
    this.#workers.delete(id);
  }

  /** Resolves when a report made after this call is in, or when there will be none. Never rejects. */
  next(ask: (request: number) => void): Promise<void> {
    const request = ++this.#requests;
    return new Promise((resolve) => {
      this.#waiting.set(request, resolve);
      ask(request);
    });
  }

  /** There will be no more reports. */
  close(): void {
    for (const resolve of this.#waiting.values()) resolve();
    this.#waiting.clear();
  }

  #isPlausible(report: HostReport): boolean {
    if (this.#usage !== undefined && report.cpuSeconds < this.#usage.cpuSeconds) return false;
    if (this.#feed && report.feed && !isLaterFeed(report.feed, this.#feed)) return false;
    return report.workers.every((worker) => {
      const before = this.#workers.get(worker.id);
      return (
        worker.buckets.length === this.#buckets &&
        worker.errors <= calls(worker) &&
        (before === undefined || isNotLess(worker, before))
      );
    });
  }
}

function calls({ buckets }: WorkerReport): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}

function isNotLess(now: WorkerReport, before: WorkerReport): boolean {
  return (
    now.seconds >= before.seconds &&
    now.errors >= before.errors &&
    now.droppedLines >= before.droppedLines &&
    now.droppedMessages >= before.droppedMessages &&
    before.buckets.every((count, i) => (now.buckets[i] ?? 0) >= count)
  );
}
