import type { LogLine } from '../../schemas/log-line.js';
import { Splitter } from '../model/text-streams.js';
import { Streamed } from './streamed.js';

export type ShownLine = LogLine & { readonly key: string };

const MOST = 500;

/** The last lines of a group, the newest last, and those that follow. */
export class LogFeed extends Streamed {
  #lines: readonly ShownLine[] = [];
  #after: number | undefined;
  #lost = 0;

  constructor(open: (signal: AbortSignal, after: number | undefined) => Promise<Response>) {
    super({
      open: (signal) => open(signal, this.#after),
      begin: () => {
        const lines = new Splitter('\n');
        return (text) => this.#take(lines.push(text));
      },
    });
  }

  get lines(): readonly ShownLine[] {
    return this.#lines;
  }

  #take(texts: readonly string[]): void {
    const fresh = texts.filter((text) => text !== '').map((text) => this.#shown(JSON.parse(text)));
    if (fresh.length === 0) return;
    this.#lines = [...this.#lines, ...fresh].slice(-MOST);
    this.changed();
  }

  #shown(line: LogLine): ShownLine {
    if ('lost' in line) return { ...line, key: `lost-${this.#lost++}` };
    this.#after = line.seq;
    return { ...line, key: String(line.seq) };
  }
}
