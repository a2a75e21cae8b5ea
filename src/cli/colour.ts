const CODES = { green: 32, yellow: 33, red: 31, dim: 2, bold: 1 } as const;
export type Colour = keyof typeof CODES;

/** How a state is shown. */
const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  running: 'green',
  completed: 'green',
  starting: 'yellow',
  stopping: 'yellow',
  backoff: 'yellow',
  stalled: 'red',
  failed: 'red',
};

/** How the level of a log's line is shown. */
const LEVEL_COLOURS: Readonly<Record<string, Colour>> = { debug: 'dim', warn: 'yellow', error: 'red' };

export function levelColour(level: string): Colour | undefined {
  return LEVEL_COLOURS[level];
}

export function stateColour(state: string): Colour | undefined {
  return STATE_COLOURS[state];
}

/**
 * Whether to write in colour: FORCE_COLOR says so (0 and false: it says no), else NO_COLOR says no, else it takes a
 * terminal that can. No other variable counts, such as those of CI systems.
 */
export function wantsColour(isTerminal: boolean, environment: NodeJS.ProcessEnv): boolean {
  const force = environment['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false';
  if (environment['NO_COLOR']) return false;
  return isTerminal && environment['TERM'] !== 'dumb';
}

export function paint(text: string, colour: Colour | undefined): string {
  return colour === undefined ? text : `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}
