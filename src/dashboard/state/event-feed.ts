import type { ServiceEvent } from '../../schemas/service-event.js';
import { eventText, type Told } from '../model/event-text.js';
import { readEvent, Splitter } from '../model/text-streams.js';
import { Repeated } from './repeated.js';

export interface ToldEvent extends Told {
  readonly key: number;
  readonly at: string;
}

const MOST = 300;

/** Before a stream that has ended is asked for again. */
const AGAIN_SECONDS = 1;

/** What has happened, the newest last. It comes by a stream, so that nothing is missed. */
export class EventFeed extends Repeated {
  readonly #open: (signal: AbortSignal, lastEventId: string | undefined) => Promise<Response>;
  #events: readonly ToldEvent[] = [];
  #lastId: string | undefined;
  #next = 0;

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
    const response = await this.#open(signal, this.#lastId);
    this.answered();
    const blocks = new Splitter('\n\n');
    await readText(response, (text) => this.#take(blocks.push(text)), signal);
    return AGAIN_SECONDS;
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
    this.changed();
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
