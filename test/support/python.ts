import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { ROOT } from './service.js';

export interface Python {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  /** The lines that it has printed. */
  lines(): string[];
  /** All of them, once it has ended. */
  readonly ended: Promise<string[]>;
}

/** Runs Python that knows feed.py, with arguments from `sys.argv[2]` on; it is ended with the test. */
export function python(t: TestContext, script: string, ...args: string[]): Python {
  const child = spawn(
    'python3',
    ['-Bc', `import sys\nsys.path.insert(0, sys.argv[1])\n${script}`, `${ROOT}examples/digits`, ...args],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const lines = () => text.split('\n').filter((line) => line !== '');
  const ended = once(child, 'close').then(lines);
  return { child, lines, ended };
}
