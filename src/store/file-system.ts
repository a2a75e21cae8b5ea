import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';

/** An open file, or directory, that is being made durable. */
export interface OpenFile {
  writeFile(data: string): Promise<void>;
  /** fsync. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Code of the error that a name meets which is no regular file's. */
export const NOT_REGULAR = 'no regular file';

/** All that the store asks of the file system; a test hands in one that fails. */
export interface FileSystem {
  /** Makes the directory, and those above it; one that is there is left as it is. */
  mkdir(path: string, mode: number): Promise<void>;
  /** Names in the directory. */
  readdir(path: string): Promise<string[]>;
  /** Reads a regular file; whatever else has the name is an error, and never waited for. */
  readFile(path: string): Promise<Buffer>;
  /** Makes a file that must not be there yet. */
  create(path: string, mode: number): Promise<OpenFile>;
  /** Opens a directory, to sync it. */
  openDirectory(path: string): Promise<Pick<OpenFile, 'sync' | 'close'>>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export const systemFiles: FileSystem = {
  mkdir: async (path, mode) => {
    await mkdir(path, { recursive: true, mode });
  },
  readdir: (path) => readdir(path),
  readFile: async (path) => {
    // Without O_NONBLOCK the opening of a FIFO waits for somebody who writes to it.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if ((await file.stat()).isFile()) return await file.readFile();
    } finally {
      await file.close();
    }
    throw Object.assign(new Error(NOT_REGULAR), { code: NOT_REGULAR });
  },
  create: (path, mode) => open(path, 'wx', mode),
  openDirectory: (path) => open(path, 'r'),
  rename,
  unlink,
};

/** The code of a system error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
