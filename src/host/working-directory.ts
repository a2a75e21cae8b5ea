import { mkdirSync } from 'node:fs';

/** The host was started in it. */
const DIRECTORY = process.cwd();

/** Without its working directory a process starts no thread. User code, or who tidies up, may have removed it. */
export function ensureWorkingDirectory(): void {
  try {
    mkdirSync(DIRECTORY, { recursive: true, mode: 0o700 });
    // One that was made again is another.
    process.chdir(DIRECTORY);
  } catch {
    // The thread will say that it has none.
  }
}
