import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../clock.js';
import type { Piece } from '../../events/journal-reader.js';

/** What a stream sends: something that is read at the pace of the client. */
export interface StreamSource {
  next(): Piece;
  /** Whether it is too late for this reader. */
  readonly cutOff: boolean;
  follow(follower: () => void): () => void;
}

export interface StreamOptions {
  readonly source: StreamSource;
  readonly response: ServerResponse;
  readonly clock: Clock;
  /** What is sent when there was nothing else for so long; the client may be gone. */
  readonly heartbeat?: { readonly everyMs: number; readonly text: () => string };
  /** Called once. `cut`: the client was too slow, and the service has ended the connection. */
  readonly onClosed: (cut: boolean) => void;
}

/**
 * One answer that goes on. One piece at a time is under way, and the next is read when the system has taken it: a slow
 * client holds so much memory and no more, and one that is steady loses nothing as long as what it has not read is kept.
 */
export class Stream {
  readonly #source: StreamSource;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #heartbeat: StreamOptions['heartbeat'];
  readonly #unfollow: () => void;
  /** A piece is on its way to the system. */
  #sending = false;
  #scheduled = false;
  #over = false;
  #cut = false;
  #timer: Timer | undefined;

  constructor({ source, response, clock, heartbeat, onClosed }: StreamOptions) {
    this.#source = source;
    this.#response = response;
    this.#clock = clock;
    this.#heartbeat = heartbeat;
    this.#unfollow = source.follow(() => this.#wake());
    response.once('close', () => {
      this.#stop();
      onClosed(this.#cut);
    });
    this.#pump();
  }

  /** Something has happened. Several things of one turn are sent together. */
  #wake(): void {
    if (this.#source.cutOff) this.#cutOff();
    if (this.#over || this.#sending || this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#over || this.#sending) return;
    const piece = this.#source.next();
    if (piece === 'cut') this.#cutOff();
    else if (piece === 'end') {
      this.#stop();
      this.#response.end();
    } else if (piece === 'wait') this.#beatLater();
    else this.#send(piece.text);
  }

  #send(text: string): void {
    this.#timer?.cancel();
    this.#sending = true;
    this.#response.write(text, (error) => {
      this.#sending = false;
      // Of a connection that is gone `close` tells.
      if (!error) this.#pump();
    });
  }

  #beatLater(): void {
    if (this.#heartbeat === undefined) return;
    const { everyMs, text } = this.#heartbeat;
    this.#timer?.cancel();
    this.#timer = this.#clock.after(everyMs, () => {
      if (!this.#over && !this.#sending) this.#send(text());
    });
  }

  #cutOff(): void {
    if (this.#over) return;
    this.#cut = true;
    this.#stop();
    this.#response.destroy();
  }

  #stop(): void {
    this.#over = true;
    this.#timer?.cancel();
    this.#unfollow();
  }
}
