import { dirname } from 'node:path';
import type { FileSystem, OpenFile } from '#dist/store/file-system.js';

interface Inode {
  data: string;
  /** What would be left of it after a crash of the machine. */
  synced: string;
}

/** When calls fail: the n-th alone, or all from the n-th on; before they have done anything, or after. */
export interface Fault {
  readonly at: number;
  readonly lasting: boolean;
  readonly after: boolean;
  /** What they fail with; `ENOSPC` by default. */
  readonly code?: string;
}

/**
 * A file system in memory that keeps only what was synced when the machine crashes: contents by fsync of the file,
 * names by fsync of the directory. Its calls fail as it is told.
 */
export class CrashFiles implements FileSystem {
  #live = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  #fault: Fault | undefined;
  #calls = 0;

  /** Whether the fault has happened. */
  get faulted(): boolean {
    return this.#fault !== undefined && this.#calls >= this.#fault.at;
  }

  get files(): ReadonlyMap<string, string> {
    return new Map([...this.#live].map(([path, { data }]) => [path, data]));
  }

  /** Somebody else has written this. */
  overwrite(path: string, data: string): void {
    const inode = this.#inode(path);
    inode.data = data;
    inode.synced = data;
  }

  /** From now on calls are counted from 1, and fail like this. */
  fail(fault: Fault | undefined): void {
    this.#fault = fault;
    this.#calls = 0;
  }

  /** The machine loses its power, and is back. */
  crash(): void {
    this.fail(undefined);
    const entries = [...this.#durable].map(
      ([path, { synced }]) => [path, { data: synced, synced }] as [string, Inode],
    );
    this.#live = new Map(entries);
    this.#durable = new Map(entries);
  }

  async mkdir(): Promise<void> {}

  readdir(path: string): Promise<string[]> {
    return this.#call(() => this.#in(path, this.#live).map(([name]) => name.slice(path.length + 1)));
  }

  readFile(path: string): Promise<Buffer> {
    return this.#call(() => Buffer.from(this.#inode(path).data));
  }

  create(path: string): Promise<OpenFile> {
    return this.#call(() => {
      if (this.#live.has(path)) throw systemError('EEXIST');
      const inode: Inode = { data: '', synced: '' };
      this.#live.set(path, inode);
      return {
        writeFile: (data) =>
          this.#call(
            () => {
              inode.data = data;
            },
            () => {
              inode.data = data.slice(0, data.length / 2);
            },
          ),
        sync: () =>
          this.#call(() => {
            inode.synced = inode.data;
          }),
        close: () => this.#call(() => {}),
      };
    });
  }

  openDirectory(path: string): Promise<Pick<OpenFile, 'sync' | 'close'>> {
    return this.#call(() => ({
      sync: () =>
        this.#call(() => {
          for (const [name] of this.#in(path, this.#durable)) this.#durable.delete(name);
          for (const [name, inode] of this.#in(path, this.#live)) this.#durable.set(name, inode);
        }),
      close: () => this.#call(() => {}),
    }));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(() => {
      this.#live.set(to, this.#inode(from));
      this.#live.delete(from);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#call(() => {
      this.#inode(path);
      this.#live.delete(path);
    });
  }

  #in(directory: string, files: Map<string, Inode>): [string, Inode][] {
    return [...files].filter(([path]) => dirname(path) === directory);
  }

  #inode(path: string): Inode {
    const inode = this.#live.get(path);
    if (inode === undefined) throw systemError('ENOENT');
    return inode;
  }

  /** @param half what has happened when the call fails in the middle */
  async #call<T>(effect: () => T, half: () => void = () => {}): Promise<T> {
    await undefined;
    this.#calls++;
    const {
      at = Number.POSITIVE_INFINITY,
      lasting = false,
      after = false,
      code = 'ENOSPC',
    } = this.#fault ?? {};
    const fails = lasting ? this.#calls >= at : this.#calls === at;
    if (!fails) return effect();
    if (after) effect();
    else half();
    throw systemError(code);
  }
}

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: from a test`), { code });
}
