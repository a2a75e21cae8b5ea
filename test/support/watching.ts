import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { TestContext } from 'node:test';
import { until } from './service.js';

/** A server-sent event as it came. */
export interface Seen {
  /** Empty where it came without one. */
  readonly id: string;
  /** The name of the event; empty for a mere id. */
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of an event, it asserts.
  readonly data: any;
}

/** An answer that goes on, as it comes in; it is let go with the test. */
export class Following {
  readonly response: IncomingMessage;
  text = '';
  ended = false;

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
    });
    response.on('error', () => {});
    response.on('close', () => {
      this.ended = true;
    });
  }

  get status(): number | undefined {
    return this.response.statusCode;
  }

  /** Whether the answer came to its proper end, or was cut off; undefined while it goes on. */
  get complete(): boolean | undefined {
    return this.ended ? this.response.complete : undefined;
  }

  /** The lines of NDJSON that have come whole. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of a line, it asserts.
  get lines(): any[] {
    return wholeLines(this.text);
  }

  /** The events that have come whole, ids without an event included. */
  get all(): Seen[] {
    return this.text
      .slice(0, this.text.lastIndexOf('\n\n') + 1)
      .split('\n\n')
      .flatMap((block) => {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
        const [id, data] = [field('id'), field('data')];
        if (id === undefined && data === undefined) return [];
        return [{ id: id ?? '', event: field('event') ?? '', data: data && JSON.parse(data) }];
      });
  }

  get events(): Seen[] {
    return this.all.filter(({ event }) => event !== '');
  }

  /** Waits for the first event of that name that fits. */
  event(name: string, fits: (data: Seen['data']) => boolean = () => true): Promise<Seen> {
    return until(`an event "${name}"`, () =>
      this.events.find(({ event, data }) => event === name && fits(data)),
    );
  }

  close(): void {
    this.response.destroy();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
export function wholeLines(text: string): any[] {
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}

/** Opens an answer that goes on, over a connection of its own. */
export async function follow(
  t: TestContext,
  url: string,
  headers: Record<string, string> = {},
): Promise<Following> {
  const asked = request(url, { agent: false, headers });
  t.after(() => asked.destroy());
  asked.on('error', () => {});
  asked.end();
  const [response] = await once(asked, 'response');
  return new Following(response);
}
