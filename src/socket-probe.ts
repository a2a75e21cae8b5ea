import { connect } from 'node:net';

/** What a connection meets where no process listens. */
const NOBODY = ['ECONNREFUSED', 'ENOENT'];

/**
 * Whether a process listens on the Unix socket. One that is slow, overrun or somebody else's does: only a refusal says
 * that nobody does.
 */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(!NOBODY.includes(code)));
  });
}
