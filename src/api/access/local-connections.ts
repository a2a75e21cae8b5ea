import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const local = new WeakSet<Socket>();

/**
 * Notes which connections of the server come through a Unix domain socket, whoever accepted them. It is seen at the
 * beginning: later a TCP connection that its client has cut has no address either.
 */
export function noteLocalConnections(server: Server): void {
  server.prependListener('connection', (socket: Socket) => {
    if (socket.localAddress === undefined) local.add(socket);
  });
}

/** Whether it came through a Unix domain socket: the file's mode says who may, and no browser can. */
export function isLocal(socket: Socket): boolean {
  return local.has(socket);
}
