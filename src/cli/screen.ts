import type { Output } from './output.js';
import { printable } from './printable.js';

/** What a command tells people and programs. */
export interface Screen {
  readonly colour: boolean;
  readonly output: Output;
  /** Lines on standard output, as they are: what comes from elsewhere has to be printable. */
  print(...lines: string[]): void;
  /** One line on standard error. */
  complain(message: string): void;
}

export function screenOf(command: string, output: Output, colour: boolean): Screen {
  return {
    colour,
    output,
    print: (...lines) => {
      // At once: a reader that goes after the first line has it whole.
      if (lines.length > 0) output.stdout(`${lines.join('\n')}\n`);
    },
    complain: (message) => output.stderr(`parallel-workers ${command}: ${printable(message)}\n`),
  };
}
