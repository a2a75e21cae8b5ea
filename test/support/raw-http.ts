import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Where to connect: a TCP port of loopback, or the path of a Unix socket. */
export type Target = { port: number } | { path: string };

/** One answer as it came over the wire. `body` is parsed where it is JSON. */
export interface RawAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer, it asserts.
  body: any;
}

/** Header lines in the order in which they are sent; the same name may be there several times. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

/** Opens a connection and waits until it stands; it goes with the test. */
export async function open(t: TestContext, target: Target): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', ...target });
  t.after(() => socket.destroy());
  // Whoever is let go may see a reset. That the connection ended is what counts.
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve).once('error', reject);
  });
  return socket;
}

/** Everything that comes until the other end closes; fails when it does not within 20 s. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error(`the connection stays open; it got: ${text}`)), 20_000);
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('close', () => {
      clearTimeout(late);
      resolve(text);
    });
  });
}

/** Sends bytes over a connection of their own, and reads what comes until the service closes it. */
export async function exchange(t: TestContext, target: Target, bytes: string | Buffer): Promise<RawAnswer> {
  const socket = await open(t, target);
  const all = readAll(socket);
  socket.write(bytes);
  return parseAnswer(await all);
}

/** One request, whose bytes are what is given here and nothing else but a length and `connection: close`. */
export function rawRequest(method: string, target: string, headers: HeaderLines, body?: string): string {
  const lines = [...headers, ['connection', 'close'] as const];
  if (body !== undefined) lines.push(['content-length', String(Buffer.byteLength(body))]);
  const head = [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`)];
  return `${head.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

/** @throws when it is not exactly one answer */
export function parseAnswer(text: string): RawAnswer {
  if (text.match(/^HTTP\/1\.1 \d/gm)?.length !== 1)
    throw new Error(`this is not one answer: ${JSON.stringify(text)}`);
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Headers();
  for (const line of lines) headers.append(line.replace(/:.*/, ''), line.replace(/^[^:]*: */, ''));
  let body: unknown = text.slice(end + 4);
  if (headers.get('transfer-encoding') === 'chunked') body = joinChunks(String(body));
  // A HEAD has the type and no body.
  if (body !== '' && headers.get('content-type')?.includes('json') === true) body = JSON.parse(String(body));
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}

function joinChunks(text: string): string {
  const bytes = Buffer.from(text);
  let joined = '';
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (size === 0) break;
    joined += bytes.toString('utf8', end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
  return joined;
}
