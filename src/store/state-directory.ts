import { dirname, join } from 'node:path';
import type { Change, GroupStore, Kept, Registration } from '../coordinator/group-store.js';
import { DurableFiles, syncDirectory } from './durable-files.js';
import { errorCode, type FileSystem, NOT_REGULAR, systemFiles } from './file-system.js';
import { readGroup, readNextId, UnusableFile, writeGroup, writeNextId } from './group-file.js';
import { type Lock, takeLock } from './lock.js';
import { StateDirectoryError } from './state-directory-error.js';

const SUFFIX = '.json';
const IDS = `worker-ids${SUFFIX}`;

/** Where nobody can say which ids were used, so many are left out. */
const ID_GAP = 1_000_000;

/** What reading meets where there is a name, and no file: a directory, a socket, a link that leads nowhere. */
const NO_FILE = [NOT_REGULAR, 'EISDIR', 'ELOOP', 'ENOENT', 'ENOTDIR', 'ENXIO'];

/** A file that could not be used, and under which name it is now. */
export interface SetAside {
  /** Path in the state directory. */
  readonly file: string;
  readonly reason: string;
}

/** Registrations in files: one for each group, and one for the worker ids. */
export class StateDirectory implements GroupStore {
  readonly #fs: FileSystem;
  readonly #path: string;
  readonly #lock: Lock;
  readonly #root: DurableFiles;
  readonly #groups: DurableFiles;
  readonly #setAside: SetAside[] = [];

  private constructor(path: string, lock: Lock, fs: FileSystem) {
    this.#fs = fs;
    this.#path = path;
    this.#lock = lock;
    this.#root = new DurableFiles(fs, path);
    this.#groups = new DurableFiles(fs, join(path, 'groups'));
  }

  /**
   * Makes the directory where it is missing, and takes its lock.
   * @throws StateDirectoryError when it cannot be used, or another service uses it
   */
  static async open(path: string, fs = systemFiles): Promise<StateDirectory> {
    let lock: Lock | undefined;
    try {
      await fs.mkdir(join(path, 'groups'), 0o700);
      lock = await takeLock(join(path, 'lock'));
      await syncDirectory(fs, path);
      // Above it not everybody may look.
      await syncDirectory(fs, dirname(path)).catch(() => {});
    } catch (error) {
      lock?.release();
      const because = error instanceof Error ? error.message : String(error);
      throw new StateDirectoryError(path, `cannot be used: ${because}`, { cause: error });
    }
    if (lock === undefined) throw new StateDirectoryError(path, 'is in use by another parallel-workers');
    return new StateDirectory(path, lock, fs);
  }

  /** The files that could not be used. */
  get setAside(): readonly SetAside[] {
    return this.#setAside;
  }

  /**
   * Reads what was kept, and sets aside what cannot be used.
   * @throws StateDirectoryError when the directory, or a file that may be sound, cannot be read; nothing was changed then
   */
  async load(): Promise<Kept> {
    const { root, groups } = await this.#names();
    // All is read before anything is set aside: a start that fails over a later file would be the only one to tell of it.
    const files = await this.#readGroups(groups);
    const ids = root.includes(IDS) ? await this.#read(IDS, readNextId) : undefined;
    const registrations: Registration[] = [];
    const owners = new Map<number, string>();
    for (const { name, content } of files) {
      if (content instanceof UnusableFile) {
        await this.#putAside('groups', name, groups, content.message);
        continue;
      }
      const { spec, workerIds } = content;
      const taken = workerIds.find((id) => owners.has(id));
      if (taken !== undefined) {
        const reason = `its worker ${taken} belongs to group "${owners.get(taken)}" already`;
        await this.#putAside('groups', name, groups, reason);
        continue;
      }
      for (const id of workerIds) owners.set(id, spec.name);
      this.#groups.found(name, writeGroup(content));
      registrations.push(content);
    }
    const beyond = Math.max(-1, ...owners.keys()) + 1;
    return { registrations, nextWorkerId: await this.#nextId(ids, root, beyond, groups.length === 0) };
  }

  async write(changes: readonly Change[]): Promise<void> {
    const puts = changes.map(({ name, registration }) => ({
      file: `${name}${SUFFIX}`,
      before: this.#groups.content(`${name}${SUFFIX}`),
      content: registration && writeGroup(registration),
    }));
    const results = await Promise.allSettled(
      puts.map(({ file, content }) => this.#groups.put(file, content)),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    const done = puts.filter((_, i) => results[i]?.status === 'fulfilled');
    await Promise.allSettled(done.map(({ file, before }) => this.#groups.put(file, before)));
    throw failed.reason;
  }

  async settle(): Promise<void> {
    await Promise.all([this.#root.settle(), this.#groups.settle()]);
  }

  async reserveIds(next: number): Promise<void> {
    await this.#root.put(IDS, writeNextId(next));
  }

  /** Lets another service have the directory. */
  close(): void {
    this.#lock.release();
  }

  async #names(): Promise<{ root: string[]; groups: string[] }> {
    try {
      return { root: await this.#root.sweep(), groups: await this.#groups.sweep() };
    } catch (error) {
      throw this.#unreadable(error instanceof Error ? error.message : String(error), error);
    }
  }

  #unreadable(because: string, cause: unknown): StateDirectoryError {
    return new StateDirectoryError(this.#path, `cannot be read: ${because}`, { cause });
  }

  /** The files of groups, in the order of registration; those that cannot be used come first. */
  async #readGroups(names: string[]): Promise<{ name: string; content: Registration | UnusableFile }[]> {
    const files: { name: string; content: Registration | UnusableFile }[] = [];
    for (const name of names.filter((name) => name.endsWith(SUFFIX))) {
      const group = name.slice(0, -SUFFIX.length);
      files.push({
        name,
        content: await this.#read(join('groups', name), (bytes) => readGroup(bytes, group)),
      });
    }
    const place = ({ content }: (typeof files)[number]) =>
      content instanceof UnusableFile ? -1 : content.order;
    return files.sort((a, b) => place(a) - place(b));
  }

  /**
   * What the file says, or why it cannot be used: it was read and is bad, or it is no file.
   * @throws StateDirectoryError when it cannot be read now: it may be sound, and readable at the next start
   */
  async #read<T>(file: string, parse: (bytes: Buffer) => T): Promise<T | UnusableFile> {
    try {
      return parse(await this.#fs.readFile(join(this.#path, file)));
    } catch (error) {
      if (error instanceof UnusableFile) return error;
      const code = errorCode(error);
      if (code !== undefined && NO_FILE.includes(code)) return new UnusableFile(`it is no file (${code})`);
      throw this.#unreadable(`${file}: ${code ?? error}`, error);
    }
  }

  /**
   * @param kept what the file of worker ids says, if there is one
   * @param beyond the highest id that is known, and one
   */
  async #nextId(
    kept: number | UnusableFile | undefined,
    names: string[],
    beyond: number,
    isNew: boolean,
  ): Promise<number> {
    if (typeof kept === 'number') {
      this.#root.found(IDS, writeNextId(kept));
      return Math.max(kept, beyond);
    }
    if (kept !== undefined) await this.#putAside('', IDS, names, kept.message);
    else if (isNew) return beyond;
    else this.#setAside.push({ file: IDS, reason: 'it is missing' });
    const next = beyond + ID_GAP;
    // Should that fail, the next start comes to the same number.
    await this.reserveIds(next).catch(() => {});
    return next;
  }

  /** @param names of all files there are in that directory */
  async #putAside(directory: string, name: string, names: string[], reason: string): Promise<void> {
    let n = 1;
    while (names.includes(`${name}.damaged-${n}`)) n++;
    const aside = `${name}.damaged-${n}`;
    const path = (file: string) => join(this.#path, directory, file);
    try {
      await this.#fs.rename(path(name), path(aside));
      names.push(aside);
      this.#setAside.push({ file: join(directory, aside), reason });
    } catch (error) {
      const stays = `${reason}; it could not be renamed (${errorCode(error) ?? error})`;
      this.#setAside.push({ file: join(directory, name), reason: stays });
    }
  }
}
