import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** What Linux takes for the path of a Unix domain socket, without the zero at its end. */
const MAX_PATH_BYTES = 107;
const HASH_DIGITS = 12;

/** Where the feeds of groups are served: a socket a group, in one directory, under the same path in every life. */
export class FeedSockets {
  #directory: string | undefined;
  readonly #temporary: boolean;

  /**
   * @param directory made if it is not there; undefined: a private one below the system's, made when it is needed
   * @throws Error when its path is too long for sockets in it, or it cannot be made
   */
  constructor(directory: string | undefined) {
    this.#temporary = directory === undefined;
    if (directory === undefined) return;
    const path = resolve(directory);
    const longest = MAX_PATH_BYTES - '/'.length - HASH_DIGITS - '.sock'.length;
    if (Buffer.byteLength(path) > longest)
      throw new Error(`the path ${path} is too long for sockets in it: it may have ${longest} bytes`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.#directory = path;
  }

  /** The path of a group's socket: by its name, or a hash of it where the name is too long. */
  of(group: string): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'pw-feed-'));
    const path = join(this.#directory, `${group}.sock`);
    if (Buffer.byteLength(path) <= MAX_PATH_BYTES) return path;
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
