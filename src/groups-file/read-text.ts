import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Far more than any list of groups that people keep by hand. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** The file cannot be read; the message goes on from its name. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
}

/**
 * Reads a file of text, up to `MAX_FILE_BYTES`. Never waits for a FIFO or a device.
 * @throws UnreadableFile
 */
export async function readText(path: string): Promise<string> {
  let file: FileHandle;
  try {
    // Without O_NONBLOCK the opening of a FIFO waits for somebody who writes to it.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new UnreadableFile(reason(error as NodeJS.ErrnoException), { cause: error });
  }
  try {
    return decode(await readBounded(file));
  } finally {
    await file.close();
  }
}

async function readBounded(file: FileHandle): Promise<Buffer> {
  const stat = await file.stat();
  if (stat.isDirectory()) throw new UnreadableFile('is a directory, not a file');
  if (!stat.isFile()) throw new UnreadableFile('is no regular file');
  // One byte more than may be: the file may grow between the question and the reading.
  const buffer = Buffer.alloc(Math.min(stat.size, MAX_FILE_BYTES) + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > MAX_FILE_BYTES || length > stat.size)
    throw new UnreadableFile(
      length > MAX_FILE_BYTES
        ? `is larger than ${MAX_FILE_BYTES / 2 ** 20} MiB: put large data into files that the workers read`
        : 'is being written to: try again when that is done',
    );
  return buffer.subarray(0, length);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new UnreadableFile('is not text in UTF-8', { cause: error });
  }
}

function reason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read: permission denied';
  if (code === 'ENXIO') return 'is no regular file';
  return `cannot be read: ${message}`;
}
