import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Clock, Timer } from '../clock.js';
import { LineLimit } from './line-limit.js';

/** Bytes that are read from one stream of a host in one window; who writes more is made to wait by the pipe. */
const WINDOW_BYTES = 64 * 1024;
const WINDOW_MS = 250;
/** What may still be in the pipe of a host that is dead. */
const DRAIN_BYTES = 256 * 1024;
/** More lines in one piece than this cannot pass anyway. */
const MAX_LINES = 1_000;
/** Longer lines are cut. */
const MAX_LINE = 8 * 1024;
/** What is kept to tell why the host died: what V8 writes when it aborts has about 30 lines. */
const LAST_LINES = 40;
const MAX_LAST_LINE = 200;
/** What was written earlier has nothing to do with it. */
const LAST_MS = 5_000;

/**
 * Reads what a host, or a process that its workers started, writes to standard output or error: no faster than
 * 256 KB a second, so that a flood blocks its writer, and no more than 200 lines a second, each of which would
 * cost the control plane a record of its log. What is too much is dropped and counted.
 */
export class OutputReader {
  readonly #stream: Readable;
  readonly #clock: Clock;
  readonly #onLine: (line: string, droppedLines?: number) => void;
  readonly #decoder = new StringDecoder('utf8');
  readonly #limit: LineLimit;
  readonly #ended: Promise<void>;
  readonly #lastLines: { at: number; text: string }[] = [];
  #draining = false;
  #line = '';
  #budget = WINDOW_BYTES;
  #timer: Timer | undefined;

  constructor(stream: Readable, clock: Clock, onLine: (line: string, droppedLines?: number) => void) {
    this.#stream = stream;
    this.#clock = clock;
    this.#onLine = onLine;
    this.#limit = new LineLimit(() => clock.now());
    stream.on('data', (chunk: Buffer) => this.#onData(chunk));
    stream.on('error', () => {});
    this.#ended = new Promise((resolve) => stream.once('close', () => resolve()));
  }

  /** Resolves when there is nothing more to read. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** The lines of the last moments, those that were dropped from the log included. */
  get lastLines(): readonly string[] {
    const since = this.#clock.now() - LAST_MS;
    return this.#lastLines.slice(-LAST_LINES).flatMap(({ at, text }) => (at >= since ? [text] : []));
  }

  /** Reads what is left at once: whoever wrote it is dead. */
  drain(): void {
    this.#timer?.cancel();
    this.#budget = DRAIN_BYTES;
    this.#draining = true;
    this.#stream.resume();
  }

  /** Hands over what is left and lets the stream go. */
  close(): void {
    this.#timer?.cancel();
    this.#emit(this.#line + this.#decoder.end());
    this.#line = '';
    this.#complain(true);
    this.#stream.destroy();
  }

  #onData(chunk: Buffer): void {
    const lines = (this.#line + this.#decoder.write(chunk)).split('\n');
    this.#line = (lines.pop() ?? '').slice(0, MAX_LINE);
    // What cannot pass is not looked at, but for the last lines.
    const skipped = lines.splice(MAX_LINES, lines.length - MAX_LINES - LAST_LINES);
    if (skipped.length > 0) this.#limit.drop(skipped.length);
    for (const line of lines) this.#emit(line);
    this.#budget -= chunk.length;
    if (this.#budget <= 0) this.#stream.pause();
    if (!this.#draining) this.#timer ??= this.#clock.after(WINDOW_MS, () => this.#nextWindow());
  }

  #nextWindow(): void {
    this.#timer = undefined;
    this.#budget = WINDOW_BYTES;
    this.#complain();
    this.#stream.resume();
  }

  #emit(line: string): void {
    const text = line.replace(/\r$/, '');
    if (text === '') return;
    this.#lastLines.push({ at: this.#clock.now(), text: text.slice(0, MAX_LAST_LINE) });
    if (this.#lastLines.length > 2 * LAST_LINES) this.#lastLines.splice(0, LAST_LINES);
    if (this.#limit.take(text.length)) this.#onLine(text.slice(0, MAX_LINE));
  }

  #complain(last = false): void {
    const complaint = this.#limit.complaint(last);
    if (complaint !== undefined) this.#onLine(complaint.text, complaint.droppedLines);
  }
}
