import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { ConfigError } from './config/config-error.js';

/** Paths of Unix sockets end at this many bytes, silently cut off if longer (sun_path, 108 with its last zero). */
const MAX_PATH_BYTES = 107;

/**
 * Has `listen` make a Unix socket that only its owner can use (mode 0600 from its first moment on).
 * A socket that a dead process has left behind is replaced.
 * @throws ConfigError when the path is too long, in use, or not a socket
 */
export async function listenPrivately(path: string, listen: () => Promise<unknown>): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new ConfigError(
      `PW_SOCKET=${path} is too long: a socket's path has at most ${MAX_PATH_BYTES} bytes`,
    );
  }
  await removeStale(path);
  const umask = process.umask(0o177);
  try {
    await listen();
    await chmod(path, 0o600);
  } catch (error) {
    throw new ConfigError(`cannot listen on PW_SOCKET=${path}: ${(error as Error).message}`);
  } finally {
    process.umask(umask);
  }
}

async function removeStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new ConfigError(`PW_SOCKET=${path} exists and is not a socket: remove it, or choose another path`);
  }
  if (await answers(path)) {
    throw new ConfigError(`PW_SOCKET=${path} is in use by another process: choose another path`);
  }
  await unlink(path).catch(() => {});
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
