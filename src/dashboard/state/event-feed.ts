import type { ServiceEvent } from '../../schemas/service-event.js';
import { eventText, type Told } from '../model/event-text.js';
import { readEvent, Splitter } from '../model/text-streams.js';
import { Streamed } from './streamed.js';

export interface ToldEvent extends Told {
  readonly key: number;
  readonly at: string;
}

const MOST = 300;

/** What has happened since the page was opened, the newest last. */
export class EventFeed extends Streamed {
  #events: readonly ToldEvent[] = [];
  #lastId: string | undefined;
  #next = 0;

  constructor(open: (signal: AbortSignal, lastEventId: string | undefined) => Promise<Response>) {
    super({
      open: (signal) => open(signal, this.#lastId),
      begin: () => {
        const blocks = new Splitter('\n\n');
        return (text) => this.#take(blocks.push(text));
      },
    });
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
