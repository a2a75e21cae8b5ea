import { connect } from 'node:net';

/**
 * The longest path of a Unix socket, in bytes: sun_path without the zero at its end, 108 on Linux and 104 elsewhere. A
 * longer one is silently cut off.
 */
export const MAX_SOCKET_PATH = process.platform === 'linux' ? 107 : 103;

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
