import { constants, fstatSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';

/** What waits at most for a reader of standard output, in characters: the rest is dropped. */
const MOST_WAITING = 1024 * 1024;
/** How often it is tried again when nobody reads. */
const RETRY_MS = 50;
/** How long the end of the process may wait for a reader. */
const LAST_TRY_MS = 500;
/** What is written at once. */
const PIECE_BYTES = 64 * 1024;

/** Levels of pino. */
const WARN = 40;

/** Writes as much as the descriptor takes; throws EAGAIN when it takes nothing now. Returns how much it took. */
export type Write = (bytes: Uint8Array) => number;

/**
 * Where the log goes: standard output, without ever waiting for whoever reads it. A terminal that stands still or a
 * pipe that nobody empties would otherwise hold up the service, or fill its memory. Lines that do not fit are dropped,
 * counted, and told of when there is room again.
 */
export class LogDestination {
  readonly #write: Write;
  #lines: string[] = [];
  #characters = 0;
  #piece: Uint8Array = new Uint8Array();
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  #broken = false;
  #dropped = 0;
  #untold = 0;

  constructor(write: Write = standardOutput()) {
    this.#write = write;
  }

  /** How many lines were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a line. The first of a turn is written at once, the others together at its end. */
  write(line: string): void {
    if (this.#broken) return;
    if (this.#characters + this.#piece.length + line.length > MOST_WAITING) {
      this.#dropped++;
      this.#untold++;
      return;
    }
    this.#lines.push(line);
    this.#characters += line.length;
    if (this.#scheduled || this.#timer !== undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.flushSync();
    });
    this.flushSync();
  }

  /** Writes what can be written now. Called by pino after a fatal line. */
  flushSync(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#flush()) this.#timer = setTimeout(() => this.flushSync(), RETRY_MS).unref();
  }

  /** The process ends: gives whoever reads a last moment, and no more. */
  end(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let waited = 0; !this.#flush() && waited < LAST_TRY_MS; waited += RETRY_MS)
      Atomics.wait(pause, 0, 0, RETRY_MS);
  }

  /** Whether nothing is left. */
  #flush(): boolean {
    try {
      for (;;) {
        if (this.#piece.length === 0) this.#piece = Buffer.from(this.#take());
        if (this.#piece.length === 0) return true;
        const written = this.#write(this.#piece.subarray(0, PIECE_BYTES));
        this.#piece = this.#piece.subarray(written);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      // Nobody will read any more: EPIPE, or a terminal that is gone.
      this.#broken = true;
      this.#lines = [];
      this.#piece = new Uint8Array();
      return true;
    }
  }

  /** The lines that wait, and a word of those that were dropped before the next. */
  #take(): string {
    const text = this.#lines.join('') + this.#complaint();
    this.#lines = [];
    this.#characters = 0;
    return text;
  }

  #complaint(): string {
    if (this.#untold === 0) return '';
    const msg = `${this.#untold} lines of this log were dropped: nobody read standard output`;
    this.#untold = 0;
    const line = { level: WARN, time: Date.now(), pid: process.pid, hostname: hostname(), msg };
    return `${JSON.stringify(line)}\n`;
  }
}

/**
 * Standard output, not blocking. A terminal or a pipe is opened anew, since the mode belongs to what is shared with
 * other processes; of a socket, and where that fails, the descriptor is what Node makes of it: not blocking, but for a
 * terminal.
 */
function standardOutput(): Write {
  let fd: number = process.stdout.fd;
  try {
    const kind = fstatSync(fd);
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY, O_APPEND } = constants;
    if (kind.isFIFO() || kind.isCharacterDevice())
      fd = openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_APPEND);
  } catch {
    // Not on Linux, or it belongs to somebody else.
  }
  return (bytes) => writeSync(fd, bytes);
}
