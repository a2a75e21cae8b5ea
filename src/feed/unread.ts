import type { Socket } from 'node:net';
import { systemClock, type Timer } from '../clock.js';

/** What Node itself looks at before it calls a socket idle: bytes of the write under way that the system has not taken yet. */
type Handled = Socket & { readonly _handle?: { readonly writeQueueSize: number } | null };

/**
 * Closes the connection when nothing more of what is written to it could be handed over between two looks. What the peer
 * sends meanwhile says nothing of what it reads, so that the socket's own time-out, which any byte puts off, will not do.
 * @param everyMs milliseconds between two looks
 * @returns ends it
 */
export function closeUnread(socket: Socket, everyMs: number, clock = systemClock): () => void {
  let timer: Timer;
  let last = progressOf(socket);
  const look = () => {
    const now = progressOf(socket);
    if (now.written === last.written && now.queued === last.queued) {
      socket.destroy();
      return;
    }
    last = now;
    timer = clock.after(everyMs, look);
  };
  timer = clock.after(everyMs, look);
  return () => timer.cancel();
}

/** Bytes of writes that are over, and how much of the one under way waits. */
function progressOf(socket: Handled): { written: number; queued: number } {
  return {
    written: socket.bytesWritten - socket.writableLength,
    queued: socket._handle?.writeQueueSize ?? 0,
  };
}
