import type { Output } from './output.js';

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

/** The terminal's second screen, as editors use it: what was on the first is there again afterwards. */
export class FullScreen {
  readonly #output: Output;
  readonly #onExit = () => this.leave();
  #entered = false;

  constructor(output: Output) {
    this.#output = output;
  }

  enter(): void {
    this.#entered = true;
    // However the process ends, the terminal is given back.
    process.once('exit', this.#onExit);
    this.#output.stdout(ENTER);
  }

  /** Draws over what is there: clearing first would flicker. */
  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n');
    this.#output.stdout(`${HOME}${text}${CLEAR_BELOW}`);
  }

  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    process.off('exit', this.#onExit);
    this.#output.stdout(LEAVE);
  }
}
