import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readdir, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { isListening, MAX_SOCKET_PATH } from '../local-socket.js';
import { errorCode } from './file-system.js';

/** A lock that is held: until `release`, or until the end of the process however it comes. */
export interface Lock {
  release(): void;
}

/** Starters that meet retry: so often only when something else is wrong. */
const TRIES = 100;

/**
 * Takes the lock of a directory that is for the lock alone; undefined when another process, in whatever container of
 * this machine, holds it.
 *
 * The lock is the listening socket with the highest number for a name. One that refuses connections is that of a dead
 * process. Whoever finds it so links its own socket to the next number, which only one can. The highest number is never
 * removed, so that who comes late, with what was true before, finds a higher one and has lost.
 */
export async function takeLock(directory: string): Promise<Lock | undefined> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const handle = await open(directory, 'r');
  try {
    // The kernel takes 108 bytes of a path: this one is short wherever the directory is.
    const short = `/proc/self/fd/${handle.fd}`;
    return await take(directory, existsSync(short) ? short : directory);
  } finally {
    await handle.close();
  }
}

async function take(directory: string, short: string): Promise<Lock | undefined> {
  const name = `${randomUUID()}.new`;
  const path = join(short, name);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH)
    throw new Error(`its path is too long for a socket (${MAX_SOCKET_PATH} bytes)`);
  const server = await listen(path);
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      const highest = Math.max(0, ...(await numbers(directory)));
      if (highest > 0 && (await isListening(join(short, String(highest))))) break;
      const own = highest + 1;
      if (!(await linked(join(directory, name), join(directory, String(own))))) continue;
      const all = await numbers(directory);
      if (all.some((number) => number > own)) continue;
      await tidy(directory, short, own);
      return { release: () => server.close() };
    }
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await unlink(join(directory, name)).catch(() => {});
  }
  server.close();
  return undefined;
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen({ path }, () => {
      server.unref();
      resolve(server);
    });
  });
}

async function numbers(directory: string): Promise<number[]> {
  return (await readdir(directory)).filter((name) => /^[1-9]\d{0,14}$/.test(name)).map(Number);
}

/** False where the name is taken, or where somebody who has won has swept our socket away. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (['EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return false;
    throw error;
  }
}

/** Removes what the dead have left behind. */
async function tidy(directory: string, short: string, own: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const old = Number(name) < own;
    const dead = name.endsWith('.new') && !(await isListening(join(short, name)));
    if (old || dead) await unlink(join(directory, name)).catch(() => {});
  }
}
