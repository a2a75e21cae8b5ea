import type { Clock } from '../clock.js';
import type { CoordinatorEvents, Events } from '../coordinator/events.js';
import { Journal, type JournalBounds } from '../events/journal.js';
import { JournalReader } from '../events/journal-reader.js';
import type { LogLine } from '../schemas/log-line.js';
import { LOG_LEVELS, type LogLevel } from '../schemas/states.js';
import { type HostLine, hostLine } from './host-line.js';

/** What is kept of each group. */
const BOUNDS: JournalBounds = { entries: 1_000, bytes: 1024 * 1024 };

/**
 * A line as it is kept: the text that is sent for it, which was made anew. Strings that come out of a host's output are
 * parts of larger ones, and would keep those in memory.
 */
interface LogEntry {
  readonly text: string;
  readonly level: LogLevel;
  readonly workerId: number | undefined;
}

export interface LogQuery {
  /** Only this worker's lines. */
  readonly worker?: number | undefined;
  /** Only lines of this level, or a worse one. */
  readonly level?: LogLevel | undefined;
  /** Only lines that come after the one with this number. */
  readonly after?: number | undefined;
  /** Of those lines that are there only so many, the last ones. */
  readonly tail?: number | undefined;
}

/** The last lines of each group, whoever of it wrote them. */
export class GroupLogs {
  readonly #clock: Clock;
  readonly #bounds: JournalBounds;
  readonly #journals = new Map<string, Journal<LogEntry>>();
  /** Numbers below it may have been given out already. */
  #leastSeq = 0;
  #ended = false;

  constructor(events: Events<CoordinatorEvents>, clock: Clock, bounds = BOUNDS) {
    this.#clock = clock;
    this.#bounds = bounds;
    events.on('message', ({ group, message }) => {
      const line = hostLine(message);
      if (line !== undefined) this.#append(group, line);
    });
    events.on('deleted', ({ group }) => {
      const journal = this.#journals.get(group);
      this.#leastSeq = Math.max(this.#leastSeq, journal?.next ?? 0);
      journal?.end();
      this.#journals.delete(group);
    });
  }

  /** Reads what is kept of a group, and what follows. Only for a group that there is. */
  read(group: string, { worker, level, after, tail }: LogQuery): JournalReader<LogEntry> {
    const journal = this.#journal(group);
    const least = LOG_LEVELS.indexOf(level ?? 'debug');
    const wants = (entry: LogEntry) =>
      LOG_LEVELS.indexOf(entry.level) >= least && (worker === undefined || entry.workerId === worker);
    // What is before all that this group has had is of an earlier life of it, or of the service.
    const known = after !== undefined && after + 1 >= journal.start && after < journal.next;
    let from = known ? after + 1 : journal.first;
    if (tail !== undefined) from = journal.positionOfLast(tail, wants, from);
    return new JournalReader({ journal, from, wants, tellLost });
  }

  /** Nothing will be said any more: streams end once they have been read. */
  end(): void {
    this.#ended = true;
    for (const journal of this.#journals.values()) journal.end();
  }

  #append(group: string, { level, workerId, text, fields }: HostLine): void {
    const journal = this.#journal(group);
    const time = this.#clock.date().toISOString();
    const line: LogLine = {
      seq: journal.next,
      time,
      level,
      workerId: workerId ?? null,
      text,
      ...(fields && { fields }),
    };
    journal.append({ text: `${JSON.stringify(line)}\n`, level, workerId });
  }

  #journal(group: string): Journal<LogEntry> {
    const known = this.#journals.get(group);
    if (known !== undefined) return known;
    // Microseconds since the epoch: above all that an earlier life of the group, or of the service, has given out.
    const seq = Math.max(this.#clock.date().getTime() * 1000, this.#leastSeq);
    const journal = new Journal<LogEntry>(this.#bounds, seq);
    if (this.#ended) journal.end();
    this.#journals.set(group, journal);
    return journal;
  }
}

function tellLost(lost: number): string {
  return `${JSON.stringify({ lost } satisfies LogLine)}\n`;
}
