import type { ServiceEvent } from '../../schemas/service-event.js';
import { Lost } from '../api/failures.js';
import { eventText, type Told } from '../model/event-text.js';
import { readEvent, Splitter } from '../model/text-streams.js';
import { Repeated } from './repeated.js';

export interface ToldEvent extends Told {
  readonly key: number;
  readonly at: string;
}

const MOST = 300;

/** The service gives a sign of life every 15 s: without one for so long there is no connection any more. */
const SILENCE_SECONDS = 40;

/** What comes within so many milliseconds is shown together. */
const TOGETHER_MS = 200;

/** Before a stream that has ended is asked for again. */
const AGAIN_SECONDS = 1;

/** What has happened, the newest last. It comes by a stream, so that nothing is missed. */
export class EventFeed extends Repeated {
  readonly #open: (signal: AbortSignal, lastEventId: string | undefined) => Promise<Response>;
  #events: readonly ToldEvent[] = [];
  #lastId: string | undefined;
  #next = 0;
  #telling: ReturnType<typeof setTimeout> | undefined;

  /** @param open gets the stream of what follows the event with that id */
  constructor(open: (signal: AbortSignal, lastEventId: string | undefined) => Promise<Response>) {
    super();
    this.#open = open;
  }

  get events(): readonly ToldEvent[] {
    return this.#events;
  }

  /** Nothing that was told stays; it begins anew. */
  clear(): void {
    if (this.#events.length === 0 && this.#lastId === undefined) return;
    this.#events = [];
    this.#lastId = undefined;
    this.changed();
  }

  protected async ask(signal: AbortSignal): Promise<number> {
    const silence = new Silence();
    try {
      const response = await this.#open(AbortSignal.any([signal, silence.signal]), this.#lastId);
      silence.heard();
      this.answered();
      const blocks = new Splitter('\n\n');
      const take = (text: string) => {
        silence.heard();
        this.#take(blocks.push(text));
      };
      await readText(response, take, signal);
      return AGAIN_SECONDS;
    } finally {
      silence.end();
    }
  }

  #take(blocks: readonly string[]): void {
    const fresh: ToldEvent[] = [];
    for (const block of blocks) {
      const { id, data } = readEvent(block);
      this.#lastId = id ?? this.#lastId;
      if (data === undefined) continue;
      const event = JSON.parse(data) as ServiceEvent;
      const told = eventText(event);
      if (told !== undefined) fresh.push({ ...told, key: this.#next++, at: event.at });
    }
    if (fresh.length === 0) return;
    this.#events = [...this.#events, ...fresh].slice(-MOST);
    this.#tellSoon();
  }

  /** Where much happens at once nobody can read each, and to draw each would keep the page from all else. */
  #tellSoon(): void {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.changed();
    }, TOGETHER_MS);
  }
}

/** Gives its signal when nothing was heard for too long. */
class Silence {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#controller.abort(new Lost('Events do not come through.')),
      SILENCE_SECONDS * 1000,
    );
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function readText(
  { body }: Response,
  take: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      take(decoder.decode(value, { stream: true }));
    }
  } finally {
    // One that is not read to its end would keep its connection, of which a browser has six.
    void reader.cancel().catch(() => {});
  }
}
