import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { versionOf } from '../machine.mjs';
import { PYTHON } from '../python.mjs';

const LOOPS = fileURLToPath(new URL('./loops.py', import.meta.url));

/** Why there is no Python here; undefined when there is. */
export const noPython =
  versionOf(PYTHON, ['--version']) === undefined ? 'python3 is not installed' : undefined;

/**
 * Calls a second of all workers together.
 * @param {object} how as of `bareRate`, with an argument by `pythonStepsOf`
 * @param {boolean} [how.locked] Sum and count are kept under a lock.
 */
export function pythonRate({ name, argument, workers, seconds, processes, locked }) {
  return run({ name, argument, workers, seconds, processes, locked });
}

/** How many steps of its `spin` take so long; undefined without Python. A step of JavaScript takes another time. */
export async function pythonStepsOf(microseconds) {
  return noPython === undefined ? run({ steps_of: microseconds }) : undefined;
}

async function run(how) {
  const { stdout } = await promisify(execFile)(PYTHON, [LOOPS, JSON.stringify(how)]);
  return Number(stdout);
}
