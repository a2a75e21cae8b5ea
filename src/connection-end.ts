import type { Socket } from 'node:net';

/**
 * Calls when the connection has closed. Node tells only that answer of it whose turn it is, not those of requests that
 * the client has sent ahead: those would wait for ever.
 * @returns takes it back
 */
export function whenClosed(socket: Socket, call: () => void): () => void {
  if (socket.closed) {
    call();
    return () => {};
  }
  // One for each request that was sent ahead is no leak.
  socket.setMaxListeners(0);
  socket.once('close', call);
  return () => socket.off('close', call);
}
