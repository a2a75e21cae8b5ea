import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../clock.js';

export interface ChannelListener {
  /** One JSON value has arrived. */
  message(value: unknown): void;
  /** What arrived is not JSON, or never ends. Nothing more will be delivered. */
  garbage(detail: string): void;
  /** Nothing more will come. Called once, and always. */
  closed(): void;
  /** The other side hears nothing any more; what it has said before may still come. */
  deaf(): void;
}

/**
 * The two ways of a channel. They are streams of their own: one that cannot be written to is destroyed by Node with all
 * that it has not read yet, and the last word of the other side would be lost whenever it is spoken to in its last moment.
 */
export interface Ways {
  readonly incoming: Readable;
  readonly outgoing: Writable;
}

/** So many messages in each window, and no more. */
export interface Pace {
  readonly messages: number;
  readonly windowMs: number;
  readonly clock: Clock;
}

/**
 * JSON values over a pair of streams, one a line. Node's own IPC would do, were it not that bytes which are no message
 * throw in the middle of the parent's event loop, and user code can write such bytes to the host's descriptor.
 */
export class Channel {
  readonly #incoming: Readable;
  readonly #outgoing: Writable;
  readonly #listener: ChannelListener;
  readonly #maxLineBytes: number;
  #pace: Pace | undefined;
  #delivered = 0;
  #windowSince = Number.NEGATIVE_INFINITY;
  #parts: Buffer[] = [];
  #length = 0;
  #closed = false;

  /**
   * @param maxLineBytes the longest line that is read; a longer one is garbage.
   * @param pace how fast it is read at most, where the other side is not trusted: who sends more is made to wait
   */
  constructor({ incoming, outgoing }: Ways, maxLineBytes: number, listener: ChannelListener, pace?: Pace) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#listener = listener;
    this.#pace = pace;
    this.#maxLineBytes = maxLineBytes;
    incoming.on('data', (chunk: Buffer) => this.#onData(chunk));
    incoming.on('error', () => this.close());
    incoming.on('end', () => this.close());
    incoming.on('close', () => this.close());
    // An error is followed by it.
    outgoing.on('error', () => {});
    outgoing.on('close', () => {
      if (!this.#closed) listener.deaf();
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(value: unknown): void {
    if (!this.#closed && this.#outgoing.writable) this.#outgoing.write(`${JSON.stringify(value)}\n`);
  }

  /** Reads what is left as fast as it comes: the other side is dead, and cannot send more. */
  hurry(): void {
    this.#pace = undefined;
    this.#incoming.resume();
  }

  /** Resolves when all that was sent has been handed to the operating system. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || !this.#outgoing.writable) resolve();
      else this.#outgoing.write('', () => resolve());
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts = [];
    this.#incoming.destroy();
    this.#outgoing.destroy();
    this.#listener.closed();
  }

  #onData(chunk: Buffer): void {
    let rest = chunk;
    for (let newline = rest.indexOf(10); newline !== -1 && !this.#closed; newline = rest.indexOf(10)) {
      if (this.#pace !== undefined && this.#delivered >= this.#pace.messages) {
        this.#wait(this.#pace, rest);
        return;
      }
      this.#keep(rest.subarray(0, newline));
      rest = rest.subarray(newline + 1);
      if (!this.#closed) this.#deliver();
    }
    if (!this.#closed) this.#keep(rest);
  }

  /** Goes on with the rest when the window is over. */
  #wait({ windowMs, clock }: Pace, rest: Buffer): void {
    this.#incoming.pause();
    this.#incoming.unshift(rest);
    clock.after(windowMs, () => {
      this.#delivered = 0;
      if (!this.#closed) this.#incoming.resume();
    });
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    this.#parts.push(part);
    if (this.#length > this.#maxLineBytes) this.#giveUp(`a line of more than ${this.#maxLineBytes} bytes`);
  }

  #deliver(): void {
    const line = Buffer.concat(this.#parts, this.#length).toString();
    this.#parts = [];
    this.#length = 0;
    this.#count();
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#giveUp('a line that is not JSON');
      return;
    }
    this.#listener.message(value);
  }

  #count(): void {
    if (this.#pace === undefined) return;
    const { windowMs, clock } = this.#pace;
    const now = clock.now();
    if (now - this.#windowSince >= windowMs) {
      this.#windowSince = now;
      this.#delivered = 0;
    }
    this.#delivered++;
  }

  #giveUp(detail: string): void {
    if (this.#closed) return;
    this.#listener.garbage(detail);
    this.close();
  }
}
