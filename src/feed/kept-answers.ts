import type { Socket } from 'node:net';
import { type Clock, systemClock, type Timer } from '../clock.js';
import { type Delivery, weightOf } from './items.js';

export interface KeptLimits {
  /**
   * An answer up to this size can lie in the socket's buffer as a whole, where the taker has not seen any of it: it is
   * kept until the taker asks for more, has more written to it, or closes the connection in good order.
   */
  readonly bytes: number;
  /** For so long, and so much of all takers together. */
  readonly milliseconds: number;
  readonly bytesInAll: number;
  /** What an item weighs beside its bytes: items of none have to have a bound, too. */
  readonly itemBytes: number;
}

/** Linux's buffers hold 208 KiB. */
export const KEPT_LIMITS: KeptLimits = {
  bytes: 256 * 1024,
  milliseconds: 5_000,
  bytesInAll: 16 * 1024 * 1024,
  itemBytes: 64,
};

interface Kept {
  readonly delivery: Delivery;
  readonly weight: number;
  readonly timer: Timer;
}

/** Answers that are written, and that their takers may not have seen yet. */
export class KeptAnswers {
  /** The last answer of a connection: whether one before it was read, where requests were sent ahead, nobody can tell. */
  readonly #kept = new Map<Socket, Kept>();
  readonly #limits: KeptLimits;
  readonly #clock: Clock;
  #weight = 0;

  constructor(limits = KEPT_LIMITS, clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** The answer is written: it is kept, or confirmed if it is too large for that. */
  keep(socket: Socket, delivery: Delivery): void {
    this.confirm(socket);
    const { bytes, milliseconds, bytesInAll, itemBytes } = this.#limits;
    const size = delivery.items.reduce((sum, item) => sum + weightOf(item), 0);
    const weight = size + delivery.items.length * itemBytes;
    if (size > bytes || this.#weight + weight > bytesInAll) {
      delivery.confirmed();
      return;
    }
    delivery.written();
    const timer = this.#clock.after(milliseconds, () => this.confirm(socket));
    this.#kept.set(socket, { delivery, weight, timer });
    this.#weight += weight;
  }

  /** The taker has what it was sent. */
  confirm(socket: Socket): void {
    this.#forget(socket)?.confirmed();
  }

  /** The taker has gone without it. */
  takeBack(socket: Socket): void {
    this.#forget(socket)?.undo();
  }

  confirmAll(): void {
    for (const socket of [...this.#kept.keys()]) this.confirm(socket);
  }

  #forget(socket: Socket): Delivery | undefined {
    const kept = this.#kept.get(socket);
    if (kept === undefined) return undefined;
    kept.timer.cancel();
    this.#kept.delete(socket);
    this.#weight -= kept.weight;
    return kept.delivery;
  }
}
