import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { ROOT, until } from './service.js';
import { wholeLines } from './watching.js';

/** A worker that says `line 0`, `line 1` and so on, 20 times a second at most. */
export const COUNTS = `
  export default async (_id, ctx) => { ctx.log.info('line ' + ctx.iteration); await ctx.sleep(0.05); };`;

/** `line 0`, `line 1` and so on: nothing missing, nothing twice. */
export function assertCounts(texts: readonly string[], from = 0): void {
  assert.deepEqual(
    texts,
    texts.map((_, i) => `line ${from + i}`),
  );
}

/** The command `logs` in a process of its own. */
export class Logs {
  readonly child: ChildProcess;
  /** From the beginning: it may be over before somebody asks. */
  readonly ended: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor(t: TestContext, url: string, ...args: string[]) {
    this.child = spawn(process.execPath, [`${ROOT}dist/server.js`, 'logs', '--url', url, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => this.child.kill('SIGKILL'));
    this.ended = once(this.child, 'close');
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** What it has printed with `--json`. */
  get lines() {
    return wholeLines(this.stdout);
  }

  get texts(): string[] {
    return this.lines.map(({ text }) => text);
  }

  /** Waits for what it tells on standard error. */
  complains(pattern: RegExp): Promise<boolean> {
    return until(`a complaint ${pattern}`, () => pattern.test(this.stderr) || undefined, 30);
  }

  prints(lines: number): Promise<boolean> {
    const enough = () => this.stdout.split('\n').length > lines || undefined;
    return until(`${lines} lines`, enough, 30).catch((error: Error) => {
      throw new Error(`${error.message}; it has said:\n${this.stdout}${this.stderr}`);
    });
  }

  async end(signal?: NodeJS.Signals): Promise<unknown> {
    if (signal !== undefined) this.child.kill(signal);
    const [code, killed] = await this.ended;
    return code ?? killed;
  }
}
