import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** How long a script may go on beyond what it was asked for: an import of PyTorch takes seconds on a busy machine. */
const SPARE_SECONDS = 60;

/** The Python of the benchmarks: one that has PyTorch, if any. Debian's package is for Debian's Python alone. */
export const PYTHON =
  ['python3', '/usr/bin/python3'].find((python) => hasModule('torch', python)) ?? 'python3';

/** Whether a module can be imported. */
export function hasModule(name, python = PYTHON) {
  try {
    const code = `import importlib.util, sys; sys.exit(importlib.util.find_spec(${JSON.stringify(name)}) is None)`;
    execFileSync(python, ['-c', code], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a script that measures for some seconds, with its options as JSON in the first argument; resolves to the JSON that it
 * prints. Its processes end with it.
 * @param {string} script
 * @param {{ seconds: number }} how
 */
export async function measuredByPython(script, how) {
  const child = start(script, how);
  const ended = once(child, 'close');
  const late = setTimeout(() => killGroup(child), (how.seconds + SPARE_SECONDS) * 1000);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  try {
    const [code, signal] = await ended;
    if (code !== 0) throw new Error(`${script} ended with ${code ?? signal}`);
    return JSON.parse(text);
  } finally {
    clearTimeout(late);
    killGroup(child);
  }
}

/** Runs a script, with its options as above, and `body` from the first that it prints on; then the script is killed. */
export async function besidePython(script, how, body) {
  const child = start(script, how);
  const ended = once(child, 'close').then(([code]) => {
    throw new Error(`${script} ended with ${code}, and had said nothing`);
  });
  try {
    await Promise.race([once(child.stdout, 'data'), ended]);
    ended.catch(() => {});
    return await body();
  } finally {
    killGroup(child);
  }
}

function start(script, how) {
  return spawn(PYTHON, [script, JSON.stringify(how)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    detached: true, // in a process group of its own
  });
}

function killGroup({ pid }) {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
