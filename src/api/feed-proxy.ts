import { Agent, type IncomingMessage, request } from 'node:http';

/** A connection for each take: when it closes in the middle of an answer, the group's host takes the items back. */
const agent = new Agent({ keepAlive: false });

/** By so much later than it should a feed answers on a busy machine; one that takes longer has something else in mind. */
const LATE_MS = 5_000;

/** Headers of the feed that are passed on. */
const PASSED = ['content-type', 'content-length', 'x-worker-id', 'x-sequence', 'x-meta', 'x-items'] as const;

/**
 * Asks a feed on its own socket. What answers is a group's host, where user code could have taken the socket over:
 * only known headers are passed on. Undefined when nobody listens, nobody answers in time, or the feed takes no more
 * questions.
 * @param waitMs how long the feed may wait for an item
 * @param signal takes the question back
 */
export function askFeed(
  socketPath: string,
  path: string,
  waitMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const asked = request({
      socketPath,
      path,
      method: 'POST',
      agent,
      signal,
      headers: { 'content-length': 0 },
    });
    const late = setTimeout(() => asked.destroy(), waitMs + LATE_MS);
    asked.once('close', () => {
      clearTimeout(late);
      // After an answer of another protocol (101) it is all that comes.
      resolve(undefined);
    });
    asked.once('response', (answer) => {
      clearTimeout(late);
      // Its own end, and that of the client, come by `close`.
      answer.on('error', () => {});
      if (answer.statusCode === 200 || answer.statusCode === 204) resolve(answer);
      else {
        answer.destroy();
        resolve(undefined);
      }
    });
    asked.on('error', () => resolve(undefined));
    asked.end();
  });
}

/** The headers of an item, as they are passed on. */
export function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    PASSED.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
