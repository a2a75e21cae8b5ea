import type { Delivery, FeedRules } from '#dist/feed/items.js';
import { FeedQueue } from '#dist/feed/queue.js';
import { FakeClock } from './fake-clock.js';

/** A queue, and everything that it does with what a test puts. */
export class QueueBench {
  readonly clock = new FakeClock();
  readonly queue: FeedQueue;
  /** First bytes of the items whose memory was let go. */
  readonly released: number[] = [];
  /** What puts came to, in the order in which they were settled: `3 taken`. */
  readonly settled: string[] = [];
  /** Both together, in their order: `3 taken`, `3 released`. */
  readonly history: string[] = [];
  readonly #deferred: (() => void)[] = [];

  constructor(rules: Partial<FeedRules> = {}, workers = 3) {
    this.queue = new FeedQueue({
      capacity: 4,
      maxBytes: 1000,
      ordered: false,
      ...rules,
      now: () => this.clock.now(),
      defer: (call) => this.#deferred.push(call),
    });
    for (let id = 0; id < workers; id++) this.queue.join(id, id);
  }

  /** The worker puts an item that is known by its first byte. */
  put(workerId: number, mark: number, size = 1, meta?: string): void {
    this.queue.put(workerId, {
      bytes: new Uint8Array(size).fill(mark),
      contentType: 'a/b',
      meta,
      settle: (taken) => {
        const what = `${mark} ${taken ? 'taken' : 'refused'}`;
        this.settled.push(what);
        this.history.push(what);
      },
      release: () => {
        this.released.push(mark);
        this.history.push(`${mark} released`);
      },
    });
  }

  /** What was put off until later happens. */
  later(): void {
    for (const call of this.#deferred.splice(0)) call();
  }

  /** Takes up to `max`; undefined when there is nothing. */
  deliver(max = 1): Delivery | undefined {
    let got: Delivery | undefined;
    this.queue.ask(max, (delivery) => {
      got = delivery;
    })();
    return got;
  }

  /** The marks of up to `max` items, which are taken for good. */
  take(max = 1): number[] {
    const delivery = this.deliver(max);
    delivery?.confirmed();
    return marks(delivery);
  }
}

export function marks(delivery: Delivery | undefined): number[] {
  return delivery?.items.map(({ bytes }) => bytes[0] ?? -1) ?? [];
}
