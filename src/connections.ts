import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What a connection has asked for last, while that is under way. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** By when they were last heard of, the oldest first, with what is under way. */
type Connections = Map<Socket, Exchange | undefined>;

/**
 * Bounds how many connections the server has. When there would be more, another makes room, first of all the one that
 * has waited for its client the longest: connections that somebody opens and leaves do not keep others out.
 */
export function boundConnections(server: Server, most: number): void {
  const connections: Connections = new Map();
  const note = (socket: Socket, exchange?: Exchange) => {
    connections.delete(socket);
    connections.set(socket, exchange);
  };
  server.on('connection', (socket: Socket) => {
    if (connections.size >= most) {
      const leaves = dispensable(connections);
      (leaves ?? socket).destroy();
      if (leaves === undefined) return;
      // Its `close` comes later, and its descriptor is free already.
      connections.delete(leaves);
    }
    note(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (!connections.has(socket)) return;
    note(socket, { request, response });
    response.once('close', () => {
      // A client may have sent its next request before this answer.
      if (connections.get(socket)?.request === request) note(socket);
    });
  });
}

/**
 * Who leaves when all places are taken: who has no request, or not its headers yet; then who is slow with a body; then
 * who has its answer and does not read it; then who is being answered, if nothing is lost by asking again; then who takes
 * from a feed, which gets back what was not written. A command that is under way keeps its place.
 */
function dispensable(connections: Connections): Socket | undefined {
  let leaves: Socket | undefined;
  let least = KEEPS;
  for (const [socket, exchange] of connections) {
    const rank = rankOf(exchange);
    if (rank === 0) return socket;
    if (rank < least) [leaves, least] = [socket, rank];
  }
  return leaves;
}

const KEEPS = 5;

function rankOf(exchange: Exchange | undefined): number {
  if (exchange === undefined) return 0;
  const { request, response } = exchange;
  if (!request.complete) return 1;
  if (response.writableEnded) return 2;
  if (request.method === 'GET') return 3;
  return /\/take(\?|$)/.test(request.url ?? '') ? 4 : KEEPS;
}
