import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { until } from './service.js';

/** Gives a command a terminal of its own, passes on what it shows and what is typed, and ends with its exit code. */
const PTY = `
import os, pty, sys
code = pty.spawn(["sh", "-c", 'stty rows 24 cols 120; exec "$@"', "sh", *sys.argv[1:]])
sys.exit(os.waitstatus_to_exitcode(code) & 255)
`;

/** A command on a terminal. Needs python3. */
export class PseudoTerminal {
  readonly #child: ChildProcess;
  #shown = '';

  constructor(t: TestContext, words: string[], environment: Record<string, string>) {
    this.#child = spawn('python3', ['-c', PTY, ...words], {
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => this.#child.kill('SIGKILL'));
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#shown += text;
    });
  }

  /** Everything so far, escape sequences included. */
  get shown(): string {
    return this.#shown;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until the pattern is there, in what has come since `from`. */
  async shows(pattern: RegExp, from = 0): Promise<void> {
    await until(
      `the terminal to show ${pattern}`,
      () => pattern.test(this.#shown.slice(from)) || undefined,
      30,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it shows:\n${JSON.stringify(this.#shown.slice(from))}`);
    });
  }

  /** Waits for the end of the command; returns its exit code. */
  async end(): Promise<number | null> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'close');
    return this.#child.exitCode;
  }
}
