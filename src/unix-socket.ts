import { chmod, lstat, unlink } from 'node:fs/promises';
import { ConfigError } from './config/config-error.js';
import { isListening, MAX_SOCKET_PATH } from './local-socket.js';

/**
 * Has `listen` make a Unix socket that only its owner can use (mode 0600 from its first moment on).
 * A socket that a dead process has left behind is replaced.
 * @throws ConfigError when the path is too long, in use, or not a socket
 */
export async function listenPrivately(path: string, listen: () => Promise<unknown>): Promise<void> {
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new ConfigError(
      `PW_SOCKET=${path} is too long: a socket's path has at most ${MAX_SOCKET_PATH} bytes`,
    );
  }
  await removeStale(path);
  try {
    await underMask(0o177, listen);
    await chmod(path, 0o600);
  } catch (error) {
    throw new ConfigError(`cannot listen on PW_SOCKET=${path}: ${(error as Error).message}`);
  }
}

/** The mask is that of the whole process: whatever makes a file or a directory meanwhile has it, too. */
async function underMask(mask: number, act: () => Promise<unknown>): Promise<void> {
  const before = process.umask(mask);
  try {
    await act();
  } finally {
    process.umask(before);
  }
}

async function removeStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new ConfigError(`PW_SOCKET=${path} exists and is not a socket: remove it, or choose another path`);
  }
  if (await isListening(path)) {
    throw new ConfigError(`PW_SOCKET=${path} is in use by another process: choose another path`);
  }
  await unlink(path).catch(() => {});
}
