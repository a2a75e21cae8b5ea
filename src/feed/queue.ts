import { type Delivery, type FeedItems, type FeedPut, type FeedRules, weightOf } from './items.js';
import { FairLine, type FeedLine, OrderedLine } from './line.js';
import { type Entry, ReadyItems } from './ready-items.js';
import { WaitTime } from './wait-time.js';

export interface FeedQueueOptions extends FeedRules {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls soon: items that come together then leave together. */
  readonly defer: (call: () => void) => void;
}

interface Waiter {
  readonly max: number;
  readonly deliver: (delivery: Delivery | undefined) => void;
}

/**
 * The bounded queue between the workers of a group and its trainer. It knows workers by their ids and takers by the
 * functions that they wait with; how items come and go is somebody else's business.
 */
export class FeedQueue {
  readonly putWait: WaitTime;
  readonly takeWait: WaitTime;
  readonly #options: FeedQueueOptions;
  readonly #line: FeedLine;
  readonly #sequences = new Map<number, number>();
  readonly #waiters = new Set<Waiter>();
  readonly #ready = new ReadyItems();
  /** What has a place: what waits, and what is being written. */
  #held = { items: 0, bytes: 0 };
  /** What is written, and neither confirmed nor undone. */
  #kept = { items: 0, bytes: 0 };
  /** Deliveries that are neither confirmed nor undone. */
  #open = 0;
  #serving = false;
  #closed = false;
  #onDrained: (() => void) | undefined;
  #taken = { items: 0, bytes: 0 };
  #dropped = 0;
  #handedOut = 0;

  constructor(options: FeedQueueOptions) {
    this.#options = options;
    this.putWait = new WaitTime(options.now);
    this.takeWait = new WaitTime(options.now);
    this.#line = options.ordered ? new OrderedLine() : new FairLine();
  }

  /** Items that wait for a taker. */
  get depth(): number {
    return this.#ready.size;
  }
  /** Items and bytes of what waits or is being written. */
  get heldItems(): number {
    return this.#held.items;
  }
  get heldBytes(): number {
    return this.#held.bytes;
  }
  /** Items and bytes of what is written in full, and neither confirmed nor undone. Bytes as in `takenBytes`. */
  get keptItems(): number {
    return this.#kept.items;
  }
  get keptBytes(): number {
    return this.#kept.bytes;
  }
  /** Items that were handed to takers, those that came back counted again. */
  get handedOut(): number {
    return this.#handedOut;
  }
  get takenItems(): number {
    return this.#taken.items;
  }
  get takenBytes(): number {
    return this.#taken.bytes;
  }
  /** Items that were put and that nobody will ever take. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The worker takes part. @param index its place in the group */
  join(workerId: number, index: number): void {
    this.#line.join(workerId, index);
  }

  /** The worker has no more to put: the order goes on without it once all that it has put is through. */
  leave(workerId: number): void {
    this.#line.leave(workerId);
    this.#admit();
  }

  /** The worker has left for good: its id is never used again. */
  forget(workerId: number): void {
    this.leave(workerId);
    this.#sequences.delete(workerId);
  }

  put(workerId: number, put: FeedPut): void {
    if (this.#closed || weightOf(put) > this.#options.maxBytes) {
      this.#refuse([put]);
      return;
    }
    this.putWait.change(1);
    this.#line.push(workerId, put);
    this.#admit();
  }

  /** What the worker has put, and the queue has not taken yet, is refused. */
  refuse(workerId: number): void {
    const refused = this.#line.remove(workerId);
    this.putWait.change(-refused.length);
    this.#refuse(refused);
    // Whoever waited behind it may fit.
    this.#admit();
  }

  /** Whether the worker waits for room. */
  isWaiting(workerId: number): boolean {
    return this.#line.has(workerId);
  }

  /**
   * Asks for up to `max` items: as soon as there is one, `deliver` is called with what there is, or with undefined
   * when the feed closes. Whoever asks first is served first.
   * @returns takes the question back, if it has not been answered
   */
  ask(max: number, deliver: Waiter['deliver']): () => void {
    if (this.#closed) {
      deliver(undefined);
      return () => {};
    }
    const waiter = { max, deliver };
    this.#waiters.add(waiter);
    this.takeWait.change(1);
    this.#serve();
    return () => {
      if (this.#waiters.delete(waiter)) this.takeWait.change(-1);
    };
  }

  /** Calls once, when everything that was put has been taken and confirmed. */
  drained(call: () => void): void {
    this.#onDrained = call;
    this.#checkDrained();
  }

  /** Wakes everybody who waits. What is left is dropped, and what comes back or comes later, too. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const refused = this.#line.clear();
    this.putWait.change(-refused.length);
    this.#refuse(refused);
    for (const entry of this.#ready.next(this.depth)) this.#drop(entry);
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    this.takeWait.change(-waiters.length);
    for (const { deliver } of waiters) deliver(undefined);
  }

  #refuse(puts: readonly FeedPut[]): void {
    for (const put of puts) {
      put.release();
      put.settle(false);
    }
  }

  #drop({ item }: Entry): void {
    this.#dropped++;
    this.#held.items--;
    this.#held.bytes -= weightOf(item);
    item.release();
  }

  /** Takes from the workers whose turn it is, as long as there is room. A large item is waited for, not passed by. */
  #admit(): void {
    const { capacity, maxBytes } = this.#options;
    let admitted = 0;
    for (;;) {
      if (this.#held.items >= capacity) break;
      const next = this.#line.peek();
      if (next === undefined || this.#held.bytes + weightOf(next.put) > maxBytes) break;
      this.#line.shift();
      const { workerId, put } = next;
      const { bytes, contentType, meta, release } = put;
      const sequence = this.#sequences.get(workerId) ?? 0;
      this.#sequences.set(workerId, sequence + 1);
      this.#ready.add({ workerId, sequence, bytes, contentType, meta, release });
      this.#held.items++;
      this.#held.bytes += weightOf(put);
      admitted++;
      put.settle(true);
    }
    this.putWait.change(-admitted);
    this.#serveSoon();
    this.#checkDrained();
  }

  #serveSoon(): void {
    if (this.depth === 0 || this.#waiters.size === 0 || this.#serving) return;
    this.#serving = true;
    this.#options.defer(() => {
      this.#serving = false;
      this.#serve();
    });
  }

  #serve(): void {
    for (const waiter of this.#waiters) {
      const [first, ...others] = this.#ready.next(waiter.max);
      if (first === undefined) return;
      this.#waiters.delete(waiter);
      this.takeWait.change(-1);
      waiter.deliver(this.#deliver([first, ...others]));
    }
  }

  #deliver(entries: readonly [Entry, ...Entry[]]): Delivery {
    this.#open++;
    this.#handedOut += entries.length;
    const [first, ...others] = entries;
    const items: FeedItems = [first.item, ...others.map(({ item }) => item)];
    const bytes = items.reduce((sum, item) => sum + item.bytes.byteLength, 0);
    const weight = items.reduce((sum, item) => sum + weightOf(item), 0);
    let state: 'writing' | 'written' | 'over' = 'writing';
    const freeRoom = () => {
      this.#held.items -= entries.length;
      this.#held.bytes -= weight;
      this.#admit();
    };
    const keep = (sign: 1 | -1) => {
      this.#kept.items += sign * items.length;
      this.#kept.bytes += sign * bytes;
    };
    const over = (): boolean => {
      if (state === 'over') return false;
      if (state === 'written') keep(-1);
      state = 'over';
      this.#open--;
      return true;
    };
    return {
      items,
      written: () => {
        if (state !== 'writing') return;
        state = 'written';
        keep(1);
        freeRoom();
      },
      confirmed: () => {
        const holdsRoom = state === 'writing';
        if (!over()) return;
        this.#taken.items += items.length;
        this.#taken.bytes += bytes;
        // First: whoever gets the room then gets the memory, too.
        for (const item of items) item.release();
        if (holdsRoom) freeRoom();
        this.#checkDrained();
      },
      undo: () => {
        const holdsRoom = state === 'writing';
        if (!over()) return;
        // Others may have its room by now: for a moment there is more than the capacity.
        if (!holdsRoom) {
          this.#held.items += items.length;
          this.#held.bytes += weight;
        }
        if (this.#closed) {
          for (const entry of entries) this.#drop(entry);
          return;
        }
        this.#ready.giveBack(entries);
        // Not at once: the next who waits may have gone as well, and would give it back from within.
        this.#serveSoon();
      },
    };
  }

  #checkDrained(): void {
    if (this.#onDrained === undefined || this.#closed) return;
    if (this.depth > 0 || this.#open > 0 || !this.#line.isEmpty) return;
    const call = this.#onDrained;
    this.#onDrained = undefined;
    call();
  }
}
