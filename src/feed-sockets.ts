import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError } from './config/config-error.js';
import { MAX_SOCKET_PATH } from './local-socket.js';

const HASH_DIGITS = 12;

/** The longest path of a directory that has room for any socket in it. */
const MAX_DIRECTORY_BYTES = MAX_SOCKET_PATH - '/'.length - HASH_DIGITS - '.sock'.length;

export interface FeedPlaces {
  /** Where the user wants the sockets to be. */
  readonly feedDir?: string | undefined;
  /** Where the service keeps what is its own. */
  readonly stateDir?: string | undefined;
}

/** Where the feeds of groups are served: a socket a group, in one directory, under the same path in every life. */
export class FeedSockets {
  #directory: string | undefined;
  readonly #temporary: boolean;

  /**
   * In the directory that is asked for, or in the state directory, or where its path is too long in a new one below
   * the system's for temporary files, which is made when it is needed.
   * @throws ConfigError when the path that is asked for is too long for sockets in it, or cannot be made
   */
  constructor({ feedDir, stateDir }: FeedPlaces) {
    const own = stateDir === undefined ? undefined : resolve(stateDir, 'feed');
    const path = feedDir === undefined ? own : resolve(feedDir);
    const fits = path !== undefined && Buffer.byteLength(path) <= MAX_DIRECTORY_BYTES;
    this.#temporary = !fits && feedDir === undefined;
    if (this.#temporary || path === undefined) return;
    if (!fits) {
      throw new ConfigError(
        `PW_FEED_DIR=${path} is too long for sockets in it: it may have ${MAX_DIRECTORY_BYTES} bytes`,
      );
    }
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
    } catch (error) {
      const name = feedDir === undefined ? 'the directory for feeds, ' : 'PW_FEED_DIR=';
      throw new ConfigError(`${name}${path} cannot be made: ${(error as Error).message}`);
    }
    this.#directory = path;
  }

  /** The path of a group's socket: by its name, or a hash of it where the name is too long. */
  of(group: string): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'pw-feed-'));
    const path = join(this.#directory, `${group}.sock`);
    if (Buffer.byteLength(path) <= MAX_SOCKET_PATH) return path;
    const hash = createHash('sha256').update(group).digest('hex').slice(0, HASH_DIGITS);
    return join(this.#directory, `${hash}.sock`);
  }

  /** The host of the group is dead: nobody listens there any more. */
  remove(group: string): void {
    if (this.#directory !== undefined) rmSync(this.of(group), { force: true });
  }

  /** Every host is dead. */
  close(): void {
    if (this.#temporary && this.#directory !== undefined)
      rmSync(this.#directory, { recursive: true, force: true });
  }
}
