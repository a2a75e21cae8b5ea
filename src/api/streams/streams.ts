import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../clock.js';
import { ProblemError } from '../../errors.js';
import type { StreamKind } from '../../schemas/states.js';
import { Stream, type StreamOptions, type StreamSource } from './stream.js';

/** How many answers may go on at a time: each holds a connection. */
const MOST_STREAMS = 256;

/** After so long the system asks whether the other end of a connection is still there. */
const KEEP_ALIVE_MS = 30_000;

/** Where is counted what becomes of streams. */
export interface StreamMeter {
  streamOpened(kind: StreamKind): void;
  streamClosed(kind: StreamKind, cut: boolean): void;
}

/** Answers that were made into streams: they end when the client goes, so how long they took means nothing. */
const streamed = new WeakSet<ServerResponse>();

export function isStream(reply: FastifyReply): boolean {
  return streamed.has(reply.raw);
}

export interface StreamsOptions {
  readonly clock: Clock;
  readonly meter: StreamMeter;
  /** 256 by default. */
  readonly most?: number | undefined;
}

/** The streams that are open. Each has its connection for itself. */
export class Streams {
  readonly #clock: Clock;
  readonly #meter: StreamMeter;
  readonly #most: number;
  /** The newest request of each connection. */
  readonly #newest = new WeakMap<Socket, IncomingMessage>();
  readonly #refused = new WeakSet<IncomingMessage>();
  readonly #sockets = new Set<Socket>();

  constructor(server: Server, { clock, meter, most = MOST_STREAMS }: StreamsOptions) {
    this.#clock = clock;
    this.#meter = meter;
    this.#most = most;
    server.prependListener('request', (request: IncomingMessage) => {
      this.#newest.set(request.socket, request);
      // What is sent behind a stream would be done, and its answer would wait for ever.
      if (!this.#sockets.has(request.socket)) return;
      this.#refused.add(request);
      request.socket.destroy();
    });
  }

  /**
   * Makes the answer a stream, which ends with its source or its client.
   * @throws ProblemError too_many_streams, or invalid_request when other requests wait behind this one
   */
  open(
    kind: StreamKind,
    { raw: request }: FastifyRequest,
    reply: FastifyReply,
    contentType: string,
    source: StreamSource,
    heartbeat?: StreamOptions['heartbeat'],
  ): void {
    const { socket } = request;
    if (this.#sockets.size >= this.#most) {
      const detail = `There are ${this.#most} streams already: end some, or ask with plain GETs now and then.`;
      throw new ProblemError('too_many_streams', detail);
    }
    const newest = this.#newest.get(socket);
    if (newest !== undefined && newest !== request) {
      const detail = 'A stream needs its connection for itself: send no request behind this one.';
      throw new ProblemError('invalid_request', detail);
    }
    const { raw: response } = reply.hijack();
    streamed.add(response);
    // In tests without a network it has none of this.
    if (typeof socket.setKeepAlive === 'function') socket.setKeepAlive(true, KEEP_ALIVE_MS);
    response.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': contentType,
      'cache-control': 'no-store',
      connection: 'close',
      // For proxies that would collect what comes before they pass it on.
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.#sockets.add(socket);
    this.#meter.streamOpened(kind);
    new Stream({
      source,
      response,
      clock: this.#clock,
      ...(heartbeat !== undefined && { heartbeat }),
      onClosed: (cut) => {
        this.#sockets.delete(socket);
        this.#meter.streamClosed(kind, cut);
        socket.destroySoon?.();
      },
    });
  }

  /** Whether the request came over the connection of a stream, which it has ended: nothing of it is to be done. */
  refuses(request: IncomingMessage): boolean {
    return this.#refused.has(request);
  }
}
