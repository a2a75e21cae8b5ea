import type { Duplex } from 'node:stream';

export interface ChannelListener {
  /** One JSON value has arrived. */
  message(value: unknown): void;
  /** What arrived is not JSON, or never ends. Nothing more will be delivered. */
  garbage(detail: string): void;
  /** The other side is gone. Called once, and always. */
  closed(): void;
}

/**
 * JSON values over a stream, one a line. Node's own IPC would do, were it not that bytes which are no message
 * throw in the middle of the parent's event loop, and user code can write such bytes to the host's descriptor.
 */
export class Channel {
  readonly #stream: Duplex;
  readonly #listener: ChannelListener;
  readonly #maxLineBytes: number;
  #parts: Buffer[] = [];
  #length = 0;
  #closed = false;

  /** @param maxLineBytes the longest line that is read; a longer one is garbage. */
  constructor(stream: Duplex, maxLineBytes: number, listener: ChannelListener) {
    this.#stream = stream;
    this.#listener = listener;
    this.#maxLineBytes = maxLineBytes;
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', () => this.close());
    stream.on('end', () => this.close());
    stream.on('close', () => this.close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  send(value: unknown): void {
    if (!this.#closed && this.#stream.writable) this.#stream.write(`${JSON.stringify(value)}\n`);
  }

  /** Resolves when all that was sent has been handed to the operating system. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || !this.#stream.writable) resolve();
      else this.#stream.write('', () => resolve());
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts = [];
    this.#stream.destroy();
    this.#listener.closed();
  }

  #onData(chunk: Buffer): void {
    let rest = chunk;
    for (let newline = rest.indexOf(10); newline !== -1 && !this.#closed; newline = rest.indexOf(10)) {
      this.#keep(rest.subarray(0, newline));
      rest = rest.subarray(newline + 1);
      if (!this.#closed) this.#deliver();
    }
    if (!this.#closed) this.#keep(rest);
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
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#giveUp('a line that is not JSON');
      return;
    }
    this.#listener.message(value);
  }

  #giveUp(detail: string): void {
    if (this.#closed) return;
    this.#listener.garbage(detail);
    this.close();
  }
}
