import type { LogLine } from '../../schemas/log-line.js';
import { pollSeconds } from '../model/backoff.js';
import { Repeated } from './repeated.js';

export type ShownLine = LogLine & { readonly key: string };

const MOST = 500;

/**
 * The last lines of a group, the newest last, and those that follow. They are asked for again and again: a stream would
 * take one of the six connections that a browser has to a service, in every window.
 */
export class LogFeed extends Repeated {
  readonly #read: (signal: AbortSignal, after: number | undefined) => Promise<string>;
  #lines: readonly ShownLine[] = [];
  #after: number | undefined;
  #lost = 0;

  /** @param read gets lines as NDJSON: the last ones, or those after the one with that number */
  constructor(read: (signal: AbortSignal, after: number | undefined) => Promise<string>) {
    super();
    this.#read = read;
  }

  get lines(): readonly ShownLine[] {
    return this.#lines;
  }

  protected async ask(signal: AbortSignal): Promise<number> {
    const began = performance.now();
    const text = await this.#read(signal, this.#after);
    if (signal.aborted) return 0;
    this.answered();
    this.#take(text.split('\n').filter((line) => line !== ''));
    return pollSeconds((performance.now() - began) / 1000);
  }

  #take(texts: readonly string[]): void {
    if (texts.length === 0) return;
    const fresh = texts.map((text) => this.#shown(JSON.parse(text)));
    this.#lines = [...this.#lines, ...fresh].slice(-MOST);
    this.changed();
  }

  #shown(line: LogLine): ShownLine {
    if ('lost' in line) return { ...line, key: `lost-${this.#lost++}` };
    this.#after = line.seq;
    return { ...line, key: String(line.seq) };
  }
}
