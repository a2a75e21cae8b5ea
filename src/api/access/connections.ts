import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** By when they were last heard of, the oldest first, with the request that is under way. */
type Connections = Map<Socket, IncomingMessage | undefined>;

/**
 * Bounds how many connections the server has. When there would be more, another makes room, first of all the one that
 * has waited for its client the longest: connections that somebody opens and leaves do not keep others out.
 */
export function boundConnections(server: Server, most: number): void {
  const connections: Connections = new Map();
  const note = (socket: Socket, request?: IncomingMessage) => {
    connections.delete(socket);
    connections.set(socket, request);
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
    note(socket, request);
    response.once('close', () => {
      // A client may have sent its next request before this answer.
      if (connections.get(socket) === request) note(socket);
    });
  });
}

/**
 * Who leaves when all places are taken: who has no request, or not its headers yet; then who is slow with a body; then
 * who is being answered, if nothing is lost by asking again. A command that is under way keeps its place.
 */
function dispensable(connections: Connections): Socket | undefined {
  const all = [...connections];
  const [socket] =
    all.find(([, request]) => request === undefined) ??
    all.find(([, request]) => request?.complete === false) ??
    all.find(([, request]) => request?.method === 'GET') ??
    [];
  return socket;
}
