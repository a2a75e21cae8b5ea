import { StringDecoder } from 'node:string_decoder';
import type { LogLevel } from '../../schemas/states.js';
import type { LogFunction } from '../../worker-module.js';
import { LineLimit } from '../line-limit.js';
import { asText } from './thrown.js';

/** Taken before any user code runs: a fake clock would lift the bound. */
const now = performance.now.bind(performance);
const later = setTimeout;

/** When it is told of lines that were dropped, at the latest, if the thread has a moment. */
const TELL_MS = 1_000;
const MAX_TEXT = 8_000;

export interface LogLine {
  level: LogLevel;
  text: string;
  fields?: Record<string, unknown>;
  /** Lines that were dropped and that this line speaks for. */
  droppedLines?: number;
}

/**
 * The log of one thread. The bound is here, at the source: a line that is too many is never made into a message,
 * so that a flood costs nobody else memory or time.
 */
export class ThreadLog {
  readonly #post: (line: LogLine) => void;
  readonly #onDrop: () => void;
  readonly #limit = new LineLimit(now);
  #timer: NodeJS.Timeout | undefined;
  /** What each captured stream has not ended with a line break yet. */
  readonly #partial = new Map<LogLevel, string>();

  /** @param onDrop called for each line that is dropped, besides the word that tells of many */
  constructor(post: (line: LogLine) => void, onDrop: () => void) {
    this.#post = post;
    this.#onDrop = onDrop;
  }

  /** What user code gets as `ctx.log`. */
  functions(): Record<LogLevel, LogFunction> {
    const at =
      (level: LogLevel): LogFunction =>
      (message, fields) =>
        this.write(level, typeof message === 'string' ? message : asText(message), fields);
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  }

  write(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void {
    const line: LogLine = { level, text: text.slice(0, MAX_TEXT) };
    // A flood of lines that are dropped is not to cost what its fields would.
    if (!this.#limit.take(line.text.length)) {
      this.#onDrop();
      this.#complainLater();
      return;
    }
    this.#complain();
    const data = fields === undefined ? undefined : plainData(fields);
    this.#post(data === undefined ? line : { ...line, fields: data });
  }

  /** Sends what is written to standard output and error of this thread, `console` included, the same way. */
  captureOutput(): void {
    this.#capture(process.stdout, 'info');
    this.#capture(process.stderr, 'warn');
  }

  /** Tells of messages that were sent to nobody. */
  droppedMessages(count: number): void {
    const text = `${count} messages were dropped: nobody listens to parentPort; hand data over by other means`;
    this.#post({ level: 'warn', text });
  }

  /** Writes what is left: the end of a line that has none, and the count of lines that were dropped last. */
  flush(): void {
    for (const [level, text] of this.#partial) if (text !== '') this.write(level, text);
    this.#partial.clear();
    this.#complain(true);
  }

  #capture(stream: NodeJS.WriteStream, level: LogLevel): void {
    const decoder = new StringDecoder('utf8');
    const write = (
      chunk: Uint8Array | string,
      encoding?: BufferEncoding | (() => void),
      callback?: () => void,
    ) => {
      const done = typeof encoding === 'function' ? encoding : callback;
      const added = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
      const text = (this.#partial.get(level) ?? '') + added;
      // What is written up to the end of a line is one record, several lines of one console.log included.
      const end = text.lastIndexOf('\n');
      this.#partial.set(level, text.slice(end + 1, end + 1 + MAX_TEXT));
      if (end > 0) this.write(level, text.slice(0, end));
      if (done) queueMicrotask(done);
      return true;
    };
    stream.write = write as typeof stream.write;
  }

  /** Nobody may ever log again after a flood. */
  #complainLater(): void {
    this.#timer ??= later(() => {
      this.#timer = undefined;
      this.#complain(true);
    }, TELL_MS).unref();
  }

  #complain(last = false): void {
    const complaint = this.#limit.complaint(last);
    if (complaint !== undefined) this.#post({ level: 'warn', ...complaint });
  }
}

/** The fields as plain JSON data; undefined when they have no such form or are too much. */
function plainData(fields: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  try {
    const json = JSON.stringify(fields);
    if (json.length > MAX_TEXT) return { fields: 'too large to log' };
    const data: unknown = JSON.parse(json);
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? { ...data } : undefined;
  } catch {
    return { fields: 'not JSON' };
  }
}
