import type { Socket } from 'node:net';
import type { Delivery } from './items.js';

/**
 * An answer up to this size can lie in the socket's buffer as a whole, where the taker has not seen any of it: it is
 * kept until the taker asks for more, has more written to it, or closes the connection in good order. Linux's buffers hold
 * 208 KiB.
 */
const KEPT_BYTES = 256 * 1024;
/** For so long, and so much of all takers together. */
const KEPT_MS = 5_000;
const KEPT_BYTES_IN_ALL = 16 * 1024 * 1024;
/** What an item weighs beside its bytes: items of none have to have a bound, too. */
const ITEM_BYTES = 64;

interface Kept {
  readonly delivery: Delivery;
  readonly weight: number;
  readonly timer: NodeJS.Timeout;
}

/** Answers that are written, and that their takers may not have seen yet. */
export class KeptAnswers {
  /** The last answer of a connection: whether one before it was read, where requests were sent ahead, nobody can tell. */
  readonly #kept = new Map<Socket, Kept>();
  #weight = 0;

  /** The answer is written: it is kept, or confirmed if it is too large for that. */
  keep(socket: Socket, delivery: Delivery): void {
    this.confirm(socket);
    const weight = delivery.bytes + delivery.items.length * ITEM_BYTES;
    if (delivery.bytes > KEPT_BYTES || this.#weight + weight > KEPT_BYTES_IN_ALL) {
      delivery.confirmed();
      return;
    }
    delivery.written();
    const timer = setTimeout(() => this.confirm(socket), KEPT_MS).unref();
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
    clearTimeout(kept.timer);
    this.#kept.delete(socket);
    this.#weight -= kept.weight;
    return kept.delivery;
  }
}
