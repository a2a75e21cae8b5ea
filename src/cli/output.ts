import { EXIT } from './failures.js';

/** Where a command writes. */
export interface Output {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /**
   * Until whoever reads standard output has taken it: what is written faster is kept in memory.
   * @throws when the signal comes first
   */
  readonly flushed: (signal?: AbortSignal) => Promise<void>;
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Of the terminal, at this moment. */
  readonly size: () => { columns: number; rows: number };
}

const USUAL_SIZE = { columns: 80, rows: 24 };

/** What a write says when whoever reads has gone: of a pipe, and of a terminal. */
const GONE = ['EPIPE', 'EIO'];

/** The standard streams of the process. A reader that has gone (`| head`) ends the process, and is no error. */
export function processOutput(): Output {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (GONE.includes(error.code ?? '')) process.exit(process.exitCode ?? 0);
      // A full disk, say. Should standard error be what fails, nobody can be told.
      if (stream === stdout) stderr.write(`standard output cannot be written: ${error.message}\n`);
      process.exit(EXIT.failed);
    });
  }
  return {
    stdout: (text) => stdout.write(text),
    stderr: (text) => stderr.write(text),
    flushed: (signal) =>
      new Promise((resolve, reject) => {
        const end = () => reject(signal?.reason);
        if (signal?.aborted) return end();
        signal?.addEventListener('abort', end, { once: true });
        stdout.write('', () => {
          signal?.removeEventListener('abort', end);
          resolve();
        });
      }),
    isTerminal: stdout.isTTY === true,
    // A terminal may say 0.
    size: () => ({ columns: stdout.columns || USUAL_SIZE.columns, rows: stdout.rows || USUAL_SIZE.rows }),
  };
}
