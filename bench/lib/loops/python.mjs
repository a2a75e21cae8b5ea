import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { versionOf } from '../machine.mjs';

const LOOPS = fileURLToPath(new URL('./loops.py', import.meta.url));

/** Why there is no Python here; undefined when there is. */
export const noPython =
  versionOf('python3', ['--version']) === undefined ? 'python3 is not installed' : undefined;

/**
 * Calls a second of all workers together.
 * @param {object} how as of `bareRate`; `microseconds` is how long a call of `spin` takes, which is measured anew by each
 * process: its steps are of Python.
 */
export async function pythonRate({ name, microseconds = 0, workers, seconds, processes = false }) {
  const how = JSON.stringify({ name, microseconds, workers, seconds, processes });
  const { stdout } = await promisify(execFile)('python3', [LOOPS, how]);
  return Number(stdout);
}
