import type { Socket } from 'node:net';
import type { Delivery } from './items.js';

/**
 * An answer up to this size can lie in the socket's buffer as a whole, where the taker has not seen any of it: it is
 * kept until the taker asks for more, or closes the connection in good order. Linux's buffers hold 208 KiB.
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
  /** More than one, where requests were sent ahead. */
  readonly #kept = new Map<Socket, Set<Kept>>();
  #weight = 0;

  /** The answer is written: it is kept, or confirmed if it is too large for that. */
  keep(socket: Socket, delivery: Delivery): void {
    const weight = delivery.bytes + delivery.items.length * ITEM_BYTES;
    if (delivery.bytes > KEPT_BYTES || this.#weight + weight > KEPT_BYTES_IN_ALL) {
      delivery.confirmed();
      return;
    }
    delivery.written();
    const timer = setTimeout(() => {
      this.#forget(socket, kept);
      delivery.confirmed();
    }, KEPT_MS).unref();
    const kept: Kept = { delivery, weight, timer };
    const those = this.#kept.get(socket);
    if (those === undefined) this.#kept.set(socket, new Set([kept]));
    else those.add(kept);
    this.#weight += weight;
  }

  /** The taker has what it was sent. */
  confirm(socket: Socket): void {
    for (const { delivery } of this.#forgetAll(socket)) delivery.confirmed();
  }

  /** The taker has gone without it. */
  takeBack(socket: Socket): void {
    for (const { delivery } of this.#forgetAll(socket)) delivery.undo();
  }

  confirmAll(): void {
    for (const socket of [...this.#kept.keys()]) this.confirm(socket);
  }

  #forgetAll(socket: Socket): Kept[] {
    const those = [...(this.#kept.get(socket) ?? [])];
    for (const kept of those) this.#forget(socket, kept);
    return those;
  }

  #forget(socket: Socket, kept: Kept): void {
    clearTimeout(kept.timer);
    this.#weight -= kept.weight;
    const those = this.#kept.get(socket);
    those?.delete(kept);
    if (those?.size === 0) this.#kept.delete(socket);
  }
}
