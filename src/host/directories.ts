import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { lstat, mkdir, readdir, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the removal of the last directories may take when the service ends; what is left goes at its next start. */
const CLOSE_MS = 1_000;

/** The working directories of the hosts: one for each, empty at its start, gone after its end. */
export class HostDirectories {
  #root: string | undefined;
  readonly #isTemporary: boolean;
  readonly #removals = new Set<Promise<void>>();

  private constructor(root: string | undefined) {
    this.#root = root;
    this.#isTemporary = root === undefined;
  }

  /**
   * @param root holds nothing else, and belongs to this service alone: whatever is in it is what a service that died
   * has left behind, and is removed in the background. Without one they are in the system's folder for temporary files.
   * @throws what the file system says
   */
  static async open(root?: string): Promise<HostDirectories> {
    if (root === undefined) return new HostDirectories(undefined);
    // Of a link only the link goes.
    const stat = await lstat(root).catch(() => undefined);
    if (stat?.isDirectory() === false) await unlink(root);
    await mkdir(root, { recursive: true, mode: 0o700 });
    const directories = new HostDirectories(realpathSync(root));
    // Nobody gets a name that is there still, so nothing of this life can be among them.
    for (const left of await readdir(root)) directories.remove(join(root, left));
    return directories;
  }

  /**
   * Makes a directory that nobody else has, and returns its real path. A new one for each life of a group: the last
   * one may still be on its way out.
   * @throws what the file system says
   */
  make(): string {
    this.#root ??= realpathSync(mkdtempSync(join(tmpdir(), 'parallel-workers-')));
    // Who tidies up may have removed it.
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    return mkdtempSync(join(this.#root, 'host-'));
  }

  /** Removes a directory with all that is in it, in the background. */
  remove(directory: string): void {
    const removal = rm(directory, { recursive: true, force: true, maxRetries: 3 })
      // User code may have seen to it that this fails. The next start of the service tries again.
      .catch(() => {})
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  /** Waits a moment for what is being removed. No host may be left. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([Promise.all(this.#removals), late]);
    clearTimeout(timer);
    if (this.#isTemporary && this.#root !== undefined)
      await rm(this.#root, { recursive: true, force: true }).catch(() => {});
  }
}
