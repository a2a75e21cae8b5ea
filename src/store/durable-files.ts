import { join } from 'node:path';
import { errorCode, type FileSystem } from './file-system.js';

/** How files are called while they are being written; no other file of the store begins with a dot. */
const TEMPORARY = /^\..*\.tmp$/;

/**
 * Small files of one directory, each of which is always whole: what was, or what was to be. When a write or a removal
 * rejects, what was is there still, unless the storage refuses that as well.
 */
export class DurableFiles {
  readonly #fs: FileSystem;
  readonly #directory: string;
  /** What the files have; a name that is missing has none. */
  readonly #contents = new Map<string, string>();
  /** Files of which that is not certain, because a change has failed, and so has its undoing. */
  readonly #uncertain = new Set<string>();
  #written = 0;

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs;
    this.#directory = directory;
  }

  content(name: string): string | undefined {
    return this.#contents.get(name);
  }

  /** The file was read and has this. */
  found(name: string, content: string): void {
    this.#contents.set(name, content);
  }

  /** Brings the file to this content, or with undefined to its end, durably. What is so already is not written again. */
  async put(name: string, content: string | undefined): Promise<void> {
    const before = this.#contents.get(name);
    if (content === before && !this.#uncertain.has(name)) return;
    let seen = false;
    try {
      await this.#change(name, content, () => {
        seen = true;
      });
    } catch (error) {
      if (seen) await this.#undo(name, before);
      throw error;
    }
    this.#uncertain.delete(name);
    if (content === undefined) this.#contents.delete(name);
    else this.#contents.set(name, content);
  }

  async #undo(name: string, before: string | undefined): Promise<void> {
    this.#uncertain.add(name);
    try {
      await this.#change(name, before);
      this.#uncertain.delete(name);
    } catch {
      // The error that matters is the first.
    }
  }

  /** Tries once more to bring those files to what they should have of which that is not certain. Never rejects. */
  async settle(): Promise<void> {
    for (const name of [...this.#uncertain]) await this.#undo(name, this.#contents.get(name));
  }

  /** Removes what writes have left behind that a crash has interrupted. @returns all other names */
  async sweep(): Promise<string[]> {
    const names = await this.#fs.readdir(this.#directory);
    for (const name of names) {
      // One that cannot be removed is in nobody's way.
      if (TEMPORARY.test(name)) await this.#fs.unlink(join(this.#directory, name)).catch(() => {});
    }
    return names.filter((name) => !TEMPORARY.test(name)).sort();
  }

  /** @param onSeen called right before others may see the change */
  async #change(name: string, content: string | undefined, onSeen: () => void = () => {}): Promise<void> {
    const path = join(this.#directory, name);
    if (content === undefined) {
      onSeen();
      await this.#fs.unlink(path).catch((error: unknown) => {
        if (errorCode(error) !== 'ENOENT') throw error;
      });
    } else {
      const temporary = join(this.#directory, `.${name}.${this.#written++}.tmp`);
      try {
        await this.#create(temporary, content);
        onSeen();
        await this.#fs.rename(temporary, path);
      } catch (error) {
        await this.#fs.unlink(temporary).catch(() => {});
        throw error;
      }
    }
    await syncDirectory(this.#fs, this.#directory);
  }

  async #create(path: string, content: string): Promise<void> {
    const file = await this.#fs.create(path, 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Makes durable which files are in the directory. */
export async function syncDirectory(fs: FileSystem, path: string): Promise<void> {
  const directory = await fs.openDirectory(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
