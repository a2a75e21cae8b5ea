import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { descriptorLimit, takerBound } from '../connection-bound.js';
import { whenClosed } from '../connection-end.js';
import { boundConnections } from '../connections.js';
import { PROBLEMS, type ProblemCode } from '../errors.js';
import { isListening } from '../local-socket.js';
import { frame, ITEMS_TYPE } from './framing.js';
import type { Delivery } from './items.js';
import { KeptAnswers } from './kept-answers.js';
import type { FeedQueue } from './queue.js';
import { readTake } from './take-query.js';
import { closeUnread } from './unread.js';

/** What answers get to go out when the feed ends. */
const LAST_ANSWERS_MS = 250;

/**
 * A taker that has read so little of its answer for so long that nothing more could be written (a socket holds 208 KiB) is
 * taken for dead; after twice as long at the latest.
 */
const UNREAD_MS = 30_000;

/** So many takes one connection may have sent ahead: each is something to remember, and to forget when it closes. */
const MOST_AHEAD = 1_000;

/** Serves a queue to takers, over HTTP on a Unix domain socket. */
export class FeedServer {
  readonly #queue: FeedQueue;
  readonly #path: string;
  readonly #unreadMs: number;
  readonly #server: Server;
  readonly #kept = new KeptAnswers();
  /** Connections, and how many requests of each are not answered yet. */
  readonly #sockets = new Map<Socket, number>();
  #end: { code: ProblemCode; detail: string } = {
    code: 'feed_not_started',
    detail: 'The group was stopped, has failed, or starts again: what waited in its feed is gone.',
  };

  /** @param unreadMs as UNREAD_MS */
  constructor(queue: FeedQueue, path: string, unreadMs = UNREAD_MS) {
    this.#queue = queue;
    this.#path = path;
    this.#unreadMs = unreadMs;
    // No time-outs: a trainer may think for as long as it likes between two takes.
    this.#server = createServer(
      { keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 60_000 },
      (request, response) => this.#onRequest(request, response),
    );
    // Of a connection that could not be accepted. One that stands goes on.
    this.#server.on('error', () => {});
    boundConnections(this.#server, takerBound(descriptorLimit()));
    this.#server.on('connection', (socket: Socket) => this.#onConnection(socket));
  }

  /** Resolves when takers can connect. Nobody but this user can. @throws Error when it cannot be opened, or is in use */
  async listen(): Promise<void> {
    if (await isListening(this.#path)) {
      throw new Error(
        `another process serves a feed at ${this.#path}: give each service a directory of its own (PW_FEED_DIR)`,
      );
    }
    // One of an earlier life that was killed.
    rmSync(this.#path, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const before = process.umask(0o177);
      try {
        this.#server.listen(this.#path, resolve);
      } finally {
        process.umask(before);
      }
    });
  }

  /** Wakes who waits, and tells it why. @param completed whether all work is done and taken */
  close(completed: boolean): void {
    if (completed)
      this.#end = {
        code: 'feed_ended',
        detail: 'The group has completed, and everything that it made was taken.',
      };
    this.#queue.close();
  }

  /** Ends all connections, after a moment for the last answers; what was not written in full is dropped. */
  async end(): Promise<void> {
    this.close(false);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    this.#kept.confirmAll();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy();
    }, LAST_ANSWERS_MS);
    await closed;
    // Node says so before it has closed the last of them: what becomes of their answers is counted then.
    for (const socket of this.#sockets.keys()) await new Promise((resolve) => socket.once('close', resolve));
    clearTimeout(timer);
  }

  #onConnection(socket: Socket): void {
    this.#sockets.set(socket, 0);
    let unread = false;
    // What Linux tells of a peer that has closed without having read everything.
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      unread = code === 'ECONNRESET';
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (unread) this.#kept.takeBack(socket);
      else this.#kept.confirm(socket);
    });
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    response.sendDate = false;
    response.on('error', () => {});
    request.resume();
    if (!this.#admits(response)) return;
    this.#kept.confirm(request.socket);
    if (hasBody(request)) {
      response.setHeader('connection', 'close');
      this.#answerProblem(response, 'body_too_large', 'A take has no body: send none, or content-length: 0.');
      return;
    }
    const question = readTake(request.method, request.url);
    if ('code' in question) {
      this.#answerProblem(response, question.code, question.detail);
      return;
    }
    const { waitSeconds, max } = question;
    let timer: NodeJS.Timeout | undefined;
    let forget = () => {};
    let answered = false;
    const withdraw = this.#queue.ask(max ?? 1, (delivery) => {
      answered = true;
      clearTimeout(timer);
      forget();
      if (delivery === undefined) {
        response.setHeader('connection', 'close');
        this.#answerProblem(response, this.#end.code, this.#end.detail);
      } else this.#answer(response, delivery, max !== undefined);
    });
    if (answered) return;
    const nothing = () => {
      forget();
      withdraw();
      this.#confirmBefore(response);
      response.writeHead(204).end();
    };
    if (waitSeconds === 0) {
      nothing();
      return;
    }
    timer = setTimeout(nothing, waitSeconds * 1000);
    forget = whenClosed(request.socket, () => {
      clearTimeout(timer);
      withdraw();
    });
  }

  /** Whoever asks without end for what it does not read is let go. */
  #admits(response: ServerResponse): boolean {
    const { socket } = response.req;
    const ahead = (this.#sockets.get(socket) ?? 0) + 1;
    if (ahead > MOST_AHEAD) {
      socket.destroy();
      return false;
    }
    this.#sockets.set(socket, ahead);
    response.once('finish', () => {
      const now = this.#sockets.get(socket);
      if (now !== undefined) this.#sockets.set(socket, now - 1);
    });
    return true;
  }

  #answer(response: ServerResponse, delivery: Delivery, several: boolean): void {
    const [first] = delivery.items;
    const { socket } = response.req;
    // What one question of a connection that is gone gives back may come to the next one of it.
    if (socket.destroyed) {
      delivery.undo();
      return;
    }
    const framed = several ? frame(delivery.items) : undefined;
    const { pieces, bytes } = framed ?? { pieces: [first.bytes], bytes: first.bytes.byteLength };
    const stopWatch = closeUnread(socket, this.#unreadMs);
    let settled = false;
    const settle = (error?: Error | null) => {
      if (settled) return;
      settled = true;
      forget();
      stopWatch();
      framed?.release();
      // Of a write that a death has cut off, Node tells no error.
      if (error || socket.destroyed) {
        delivery.undo();
        return;
      }
      this.#kept.keep(socket, delivery);
      // Not before: the empty write that Node ends an answer with can fail when its taker, who has all, has gone.
      response.end();
    };
    // Whatever becomes of the writes: a connection that is gone has not taken anything more.
    const forget = whenClosed(socket, () => settle(new Error('closed')));
    response.writeHead(200, {
      'content-length': bytes,
      ...(several
        ? { 'content-type': ITEMS_TYPE, 'x-items': delivery.items.length }
        : {
            'content-type': first.contentType,
            'x-worker-id': first.workerId,
            'x-sequence': first.sequence,
            ...(first.meta !== undefined && { 'x-meta': first.meta }),
          }),
    });
    if (bytes === 0) {
      // As text it goes out in one piece with the headers: an empty one alone can fail where its taker has all and is gone.
      response.write('', 'latin1', settle);
      return;
    }
    // By themselves: for headers and bytes in one piece Node asks V8 for memory, who then collects garbage each time.
    response.flushHeaders();
    response.cork();
    const last = pieces.length - 1;
    for (const [i, piece] of pieces.entries()) response.write(piece, i === last ? settle : undefined);
    response.uncork();
  }

  /** What lies unread of this connection from now on can be this answer alone. */
  #confirmBefore(response: ServerResponse): void {
    const { socket } = response.req;
    response.once('finish', () => this.#kept.confirm(socket));
  }

  #answerProblem(response: ServerResponse, code: ProblemCode, detail: string): void {
    const { status, title } = PROBLEMS[code];
    const body = JSON.stringify({
      type: `urn:parallel-workers:problem:${code}`,
      title,
      status,
      detail,
      code,
    });
    this.#confirmBefore(response);
    response
      .writeHead(status, {
        'content-type': 'application/problem+json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
      })
      .end(body);
  }
}

/** Nobody needs one, and it could go on for ever. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}
