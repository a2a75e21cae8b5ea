import { randomBytes } from 'node:crypto';
import type { ServiceEvent } from '../schemas/service-event.js';
import { Journal, type JournalBounds } from './journal.js';
import { JournalReader } from './journal-reader.js';

/** Hours of an ordinary service, and the last minutes of one whose groups fail all the time. */
const BOUNDS: JournalBounds = { entries: 1_000, bytes: 4 * 1024 * 1024 };

/** How soon a client is to come back when it has lost its stream; browsers do by themselves. */
const RETRY_MS = 1_000;

/** For so long a snapshot is that of whoever asks for one, if nothing happens meanwhile. */
const SHARED_MS = 100;

interface EventEntry {
  readonly text: string;
  /** Undefined for what is of the whole service. */
  readonly group: string | undefined;
}

export interface WatchOptions {
  /** Only what happens to this group, and to the service as a whole. */
  readonly group: string | undefined;
  /** Id of the last event that the client has seen. */
  readonly lastEventId: string | undefined;
  /** How many events that are kept come before the snapshot; none by default. */
  readonly tail?: number | undefined;
}

/** The events of this life of the service, in the form of server-sent events, with the last ones kept. */
export class EventJournal {
  readonly #journal: Journal<EventEntry>;
  readonly #snapshot: (group: string | undefined) => ServiceEvent;
  /** Snapshots of this moment, by group. */
  #shared = { id: '', texts: new Map<string | undefined, string>() };
  /** Tells ids of this life from those of another. */
  readonly #life = randomBytes(4).toString('hex');

  /** @param snapshot what is now, of all groups or of one */
  constructor(snapshot: (group: string | undefined) => ServiceEvent, bounds = BOUNDS) {
    this.#snapshot = snapshot;
    this.#journal = new Journal(bounds, 1);
  }

  append(event: ServiceEvent): void {
    const text = asServerSent(this.#id(this.#journal.next), event);
    this.#journal.append({ text, group: 'group' in event ? event.group : undefined });
  }

  /** Nothing will happen any more: streams end once they have been read. */
  end(): void {
    this.#journal.end();
  }

  /**
   * What follows the last event that a client has seen; or, when that is not known any more, all that is and follows,
   * with the last of what was before.
   */
  watch({ group, lastEventId, tail = 0 }: WatchOptions): JournalReader<EventEntry> {
    const journal = this.#journal;
    const wants = (entry: EventEntry) =>
      group === undefined || entry.group === undefined || entry.group === group;
    const head = `retry: ${RETRY_MS}\n\n`;
    const seen = this.#positionAfter(lastEventId);
    if (seen !== undefined)
      return new JournalReader({ journal, from: seen, head: `${head}: resumed\n\n`, wants });
    const now = journal.next;
    return new JournalReader({
      journal,
      from: journal.positionOfLast(tail, wants),
      head,
      interlude: { at: now, text: this.#snapshotText(group), before: withoutId },
      wants,
    });
  }

  /**
   * A sign of life: no event, but the id of the last one that was passed over, so that a reader of one group can go on
   * from there.
   */
  heartbeat({ position }: JournalReader<EventEntry>): string {
    return `: alive\nid: ${this.#id(position - 1)}\n\n`;
  }

  /** What is now. Readers that come in the same moment share the text, which can be megabytes. */
  #snapshotText(group: string | undefined): string {
    const id = this.#id(this.#journal.next - 1);
    if (id !== this.#shared.id) this.#shared = { id, texts: new Map() };
    const { texts } = this.#shared;
    const known = texts.get(group);
    if (known !== undefined) return known;
    const text = asServerSent(id, this.#snapshot(group));
    // Not longer: what workers do between two events is in it, too.
    if (texts.size === 0) setTimeout(() => texts.clear(), SHARED_MS).unref();
    texts.set(group, text);
    return text;
  }

  #id(position: number): string {
    return `${this.#life}-${position}`;
  }

  /** Where to go on after that id; undefined when it is too old, of another life, or none. */
  #positionAfter(id: string | undefined): number | undefined {
    const [, life, digits] = /^([\da-f]{8})-(\d{1,15})$/.exec(id ?? '') ?? [];
    if (life !== this.#life || digits === undefined) return undefined;
    const position = Number(digits) + 1;
    return position >= this.#journal.first && position <= this.#journal.next ? position : undefined;
  }
}

/** What is before the snapshot has no id: who is cut off there and comes back has not had the snapshot yet. */
function withoutId({ text }: EventEntry): string {
  return text.slice(text.indexOf('\n') + 1);
}

function asServerSent(id: string, event: ServiceEvent): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
