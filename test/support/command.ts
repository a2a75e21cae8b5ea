import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { ROOT } from './service.js';
import { temporaryDirectory } from './temporary.js';

export interface Run {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the command line to its end. */
export async function run(
  t: TestContext,
  args: string[],
  environment: Record<string, string> = {},
  cwd?: string,
): Promise<Run> {
  const child = spawn(process.execPath, [`${ROOT}dist/server.js`, ...args], {
    env: { ...process.env, PW_STATE_DIR: temporaryDirectory(t), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
    ...(cwd !== undefined && { cwd }),
  });
  t.after(() => child.kill('SIGKILL'));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode, stdout, stderr };
}
