/** A server-sent event. One without data, such as a heartbeat, only says how far the stream is. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly data: string | undefined;
}

/** Splits text that comes in pieces at a separator; what follows the last one waits for the next piece. */
export class Splitter {
  readonly #separator: string;
  #rest = '';

  constructor(separator: string) {
    this.#separator = separator;
  }

  push(piece: string): string[] {
    const parts = (this.#rest + piece).split(this.#separator);
    this.#rest = parts.pop() ?? '';
    return parts;
  }
}

/** Reads one event, as the service writes them: each field on a line, its value after a colon and a space. */
export function readEvent(block: string): ServerSentEvent {
  const values = new Map(block.split('\n').map((line) => splitAt(line, ': ')));
  return { id: values.get('id'), data: values.get('data') };
}

function splitAt(line: string, separator: string): [string, string] {
  const at = line.indexOf(separator);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + separator.length)];
}
