import type { FeedReport } from '../host/host-message.js';
import type { HostLaunch } from '../host/protocol.js';
import { monotonicMs } from '../monotonic.js';
import type { FeedPut } from './items.js';
import { FeedQueue } from './queue.js';
import { FeedServer } from './server.js';
import { SpareMemory } from './spare-memory.js';
import { StarvationWatch } from './starvation.js';
import { WaitShares } from './wait-shares.js';

/** How many ticks apart memory is freed that nobody has needed: half a minute, longer than most pauses of a trainer. */
const FREE_TICKS = 60;

/** The feed of one group, in its host. */
export class GroupFeed {
  readonly #queue: FeedQueue;
  readonly #server: FeedServer;
  readonly #shares: WaitShares;
  readonly #starvation: StarvationWatch;
  readonly #warn: (text: string) => void;
  /** Memory of items that were taken. With that of items that are here it is never more than those once had by themselves. */
  readonly #spare = new SpareMemory();
  /** Bytes of items that were put, and whose memory is in use, and the most there ever were. */
  #bytes = 0;
  #mostBytes = 0;
  #ticks = 0;
  /** When a put of the worker was last answered. */
  readonly #settledAt = new Map<number, number>();

  /** @param warn called with what somebody should look at */
  constructor(launch: NonNullable<HostLaunch['feed']>, warn: (text: string) => void) {
    this.#warn = warn;
    this.#queue = new FeedQueue({ ...launch, now: monotonicMs, defer: setImmediate });
    this.#shares = new WaitShares(this.#queue.putWait, this.#queue.takeWait, monotonicMs);
    this.#starvation = new StarvationWatch(this.#queue, monotonicMs);
    this.#server = new FeedServer(this.#queue, launch.socket);
  }

  /** @throws what the operating system says to the socket */
  listen(): Promise<void> {
    return this.#server.listen();
  }

  join(workerId: number, index: number): void {
    this.#queue.join(workerId, index);
  }

  put(workerId: number, put: FeedPut): void {
    const size = put.bytes.byteLength;
    this.#bytes += size;
    this.#mostBytes = Math.max(this.#mostBytes, this.#bytes);
    this.#queue.put(workerId, {
      ...put,
      settle: (taken) => {
        this.#settledAt.set(workerId, monotonicMs());
        put.settle(taken);
      },
      release: () => {
        this.#bytes -= size;
        put.release();
      },
    });
    // Only here the sum can grow: what is released is spare then.
    this.#spare.shrinkTo(this.#mostBytes - this.#bytes);
  }

  /** Memory of exactly so many bytes that a worker may write an item into. */
  takeSpare(bytes: number): ArrayBuffer | undefined {
    return this.#spare.take(bytes);
  }

  /** Nobody needs it any more, and whoever puts such an item may have it. */
  addSpare(buffer: ArrayBuffer): void {
    this.#spare.add(buffer);
  }

  /** The worker is to end: what it waits with is refused. */
  refuse(workerId: number): void {
    this.#queue.refuse(workerId);
  }

  /** The worker has no more to put, unless it starts again. */
  leave(workerId: number): void {
    this.#queue.leave(workerId);
  }

  /** The worker has left for good. */
  forget(workerId: number): void {
    this.#queue.forget(workerId);
    this.#settledAt.delete(workerId);
  }

  /** Whether a put of the worker waits for room. */
  isWaiting(workerId: number): boolean {
    return this.#queue.isWaiting(workerId);
  }

  /** When a put of the worker was last answered, by `monotonicMs`; 0 before the first. */
  settledAt(workerId: number): number {
    return this.#settledAt.get(workerId) ?? 0;
  }

  /** Calls once, when everything that was put is taken. */
  drained(call: () => void): void {
    this.#queue.drained(call);
  }

  /** Wakes everybody who waits. */
  close(completed: boolean): void {
    this.#server.close(completed);
  }

  /** Ends all connections. */
  end(): Promise<void> {
    return this.#server.end();
  }

  /** To be called twice a second. */
  tick(): void {
    this.#shares.tick();
    if (++this.#ticks % FREE_TICKS === 0) this.#spare.freeUnneeded();
    const warning = this.#starvation.check();
    if (warning !== undefined) this.#warn(warning);
  }

  report(): FeedReport {
    const { depth, heldItems, heldBytes, keptItems, keptBytes } = this.#queue;
    const { takenItems, takenBytes, dropped, putWait, takeWait } = this.#queue;
    const { put, take } = this.#shares.read();
    return {
      depth,
      heldItems,
      heldBytes,
      keptItems,
      keptBytes,
      items: takenItems,
      bytes: takenBytes,
      dropped,
      putWaitSeconds: putWait.sum / 1000,
      takeWaitSeconds: takeWait.sum / 1000,
      takers: takeWait.waiting,
      putWaitShare: put,
      takeWaitShare: take,
    };
  }
}
