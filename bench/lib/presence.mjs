import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How long to wait for workers to come or to go, before something is wrong. */
const MOST_MS = 60_000;

/**
 * Sees workers come and go, without a word of whoever started them: each opens a FIFO, writes a byte to it when it is in
 * its loop, and has it open as long as it lives. The system tells of the last that is gone by the end of the FIFO.
 */
export class Presence {
  /** Path of the FIFO, for the workers. */
  path;
  #folder;
  #socket;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'parallel-workers-bench-'));
    this.path = join(this.#folder, 'workers');
    execFileSync('mkfifo', [this.path]);
  }

  /**
   * Waits for that many workers of one start, from now on.
   * @returns {{ inLoop: Promise<number>, gone: Promise<number> }} when all were in their loop, and when the last was gone
   * (its file closed by the system), as of `performance.now()`
   */
  watch(workers) {
    this.#socket?.destroy();
    const fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    const socket = new Socket({ fd, readable: true, writable: false });
    this.#socket = socket;
    let seen = 0;
    const inLoop = new Promise((resolve, reject) => {
      socket.on('data', (bytes) => {
        seen += bytes.length;
        if (seen > workers) reject(new Error(`${seen} workers came instead of ${workers}`));
        else if (seen === workers) resolve(performance.now());
      });
      socket.once('end', () => reject(new Error(`${seen} of ${workers} workers came, and are gone`)));
      socket.once('error', reject);
    });
    const gone = new Promise((resolve, reject) => {
      socket.once('end', () => resolve(performance.now()));
      socket.once('error', reject);
    });
    return {
      inLoop: inTime(inLoop, () => `${workers - seen} of ${workers} workers to come`),
      gone: handled(gone),
    };
  }

  close() {
    this.#socket?.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Waits for something that has to come in time. */
export function inTime(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what()}`)), MOST_MS);
  });
  return handled(Promise.race([promise, late]).finally(() => clearTimeout(timer)));
}

/** A promise that somebody awaits later: until then its failure is nobody's. */
function handled(promise) {
  promise.catch(() => {});
  return promise;
}
