import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Target } from './raw-http.js';
import type { Service } from './service.js';

/** One item as a taker gets it. */
export interface Taken {
  bytes: number;
  contentType: string;
  workerId: number;
  sequence: number;
  meta: unknown;
  data: Buffer;
}

export interface TakeAnswer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** The path of a group's own socket. */
export async function socketOf(service: Service, name: string): Promise<string> {
  const { status, body } = await service.call('GET', `/v1/groups/${name}/feed`);
  if (status !== 200 || body.socket === null) throw new Error(`no socket: ${status} ${JSON.stringify(body)}`);
  return body.socket;
}

/** A taker with a connection of its own, on the socket of a feed or on the service's port. */
export class Taker {
  readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #target: Record<string, unknown>;
  readonly #path: string;

  private constructor(target: Record<string, unknown>, path: string) {
    this.#target = target;
    this.#path = path;
  }

  static atSocket(socketPath: string): Taker {
    return new Taker({ socketPath }, '/take');
  }

  static atPort({ url }: Service, name: string): Taker {
    const { hostname, port } = new URL(url);
    return new Taker({ hostname, port }, `/v1/groups/${name}/feed/take`);
  }

  /** Asks, and resolves with the head of the answer; whoever asks reads the rest, or destroys it. */
  open(query = ''): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const options = { ...this.#target, path: `${this.#path}${query}`, method: 'POST', agent: this.agent };
      request(options, resolve).once('error', reject).end();
    });
  }

  async ask(query = ''): Promise<TakeAnswer> {
    const answer = await this.open(query);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) };
  }

  /** Several items at once; undefined when the feed has ended, none when none came in time. */
  async several(max: number, waitSeconds = 10): Promise<Taken[] | undefined> {
    const { status, body } = await this.ask(`?max=${max}&waitSeconds=${waitSeconds}`);
    if (status === 410) return undefined;
    if (status !== 200 && status !== 204) throw new Error(`take answered ${status}: ${body}`);
    return parseItems(body);
  }

  close(): void {
    this.agent.destroy();
  }
}

/** Takes all that is left, in answers of up to `max` items, and returns the marks. */
export async function takeAll(taker: Taker, max = 50): Promise<string[]> {
  const marks: string[] = [];
  for (;;) {
    const items = await taker.several(max).catch((error) => {
      if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(error.code)) return undefined;
      throw error;
    });
    if (items === undefined) return marks;
    marks.push(...items.map(({ data }) => markOf(data)));
  }
}

/** A taker that has asked, so many times at once, and reads nothing. */
export async function asksAndSleeps(target: Target, path: string, times = 1): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', ...target });
  await once(socket, 'connect');
  socket.pause();
  socket.on('error', () => {});
  socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n`.repeat(times));
  return socket;
}

/** Reads the framing of `take?max=N`. */
export function parseItems(body: Buffer): Taken[] {
  const items: Taken[] = [];
  for (let at = 0; at < body.length; ) {
    const head = JSON.parse(body.toString('latin1', at + 4, at + 4 + body.readUInt32BE(at)));
    const begin = at + 4 + body.readUInt32BE(at);
    at = begin + head.bytes;
    items.push({ ...head, data: body.subarray(begin, at) });
  }
  return items;
}

/** What feeds.mjs has put, as `index:number`; checks every byte. */
export function markOf(data: Buffer): string {
  const index = data.readUInt32BE(0);
  const number = data.readUInt32BE(4);
  if (data.length > 8) {
    const fill = (index * 31 + number) % 251;
    const wrong = data.subarray(8).findIndex((byte) => byte !== fill);
    if (wrong !== -1)
      throw new Error(`item ${index}:${number} of ${data.length} bytes is wrong at ${wrong + 8}`);
  }
  return `${index}:${number}`;
}

/** All marks of `workers` workers that put `count` items each, sorted. */
export function allMarks(workers: number, count: number): string[] {
  return Array.from(
    { length: workers * count },
    (_, i) => `${i % workers}:${Math.floor(i / workers)}`,
  ).sort();
}
