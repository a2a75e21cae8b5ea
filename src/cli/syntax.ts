import { LOG_LEVELS } from '../schemas/states.js';

/** A flag of a command. */
export interface Flag {
  /** Without its dashes. */
  readonly name: string;
  readonly short?: string;
  /** What stands for its value in the help; a flag without one is a switch. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly multiple?: true;
  /** What a shell offers for the value: files, directories, or these words. */
  readonly completes?: 'files' | 'directories' | readonly string[];
  readonly meaning: string;
}

/** A command: what the help prints, what its arguments are read by, and what the shells complete. */
export interface Command {
  readonly name: string;
  /** What follows the name, as the help writes it. */
  readonly operands: string;
  /** What a shell offers for the operands: names of groups, files, or these words. */
  readonly completes: 'groups' | 'files' | readonly string[];
  readonly meaning: string;
  readonly flags: readonly Flag[];
}

export const HELP: Flag = { name: 'help', short: 'h', meaning: 'Prints the help.' };
const ADDRESS: readonly Flag[] = [
  {
    name: 'url',
    value: 'URL',
    meaning: 'Address of the service: PW_URL, or http://127.0.0.1 with the port PW_PORT (8080).',
  },
  {
    name: 'socket',
    value: 'PATH',
    completes: 'files',
    meaning: 'Its Unix socket, in place of an address: PW_SOCKET.',
  },
  {
    name: 'token-file',
    value: 'FILE',
    completes: 'files',
    meaning: 'File with the token: PW_TOKEN, PW_TOKEN_FILE, PW_READ_TOKEN or PW_READ_TOKEN_FILE.',
  },
];
const LABEL: Flag = {
  name: 'label',
  short: 'l',
  value: 'KEY=VALUE',
  multiple: true,
  meaning: 'Only groups with this label; several: with all of them.',
};
const JSON_OUTPUT: Flag = { name: 'json', meaning: 'Prints JSON.' };
const ALL: Flag = { name: 'all', short: 'a', meaning: 'All groups.' };
const COMMON: readonly Flag[] = [...ADDRESS, JSON_OUTPUT, HELP];

/** Commands that talk to a running service. */
export const CLIENT_COMMANDS = [
  {
    name: 'status',
    operands: '[NAME...]',
    completes: 'groups',
    meaning: 'Shows groups: all, or those named, with their workers and last failures.',
    flags: [LABEL, ...COMMON],
  },
  {
    name: 'start',
    operands: 'NAME...|--all',
    completes: 'groups',
    meaning: 'Starts groups, and waits until their workers run.',
    flags: [ALL, LABEL, ...COMMON],
  },
  {
    name: 'stop',
    operands: 'NAME...|--all',
    completes: 'groups',
    meaning: 'Stops groups, and waits until all is dead.',
    flags: [ALL, LABEL, ...COMMON],
  },
  {
    name: 'restart',
    operands: 'NAME...|--all',
    completes: 'groups',
    meaning: 'Stops groups, then starts them.',
    flags: [ALL, LABEL, ...COMMON],
  },
  {
    name: 'top',
    operands: '[NAME...]',
    completes: 'groups',
    meaning: 'Shows groups at work, anew each second.',
    flags: [LABEL, { name: 'once', meaning: 'Prints what one second shows, and ends.' }, ...COMMON],
  },
  {
    name: 'logs',
    operands: 'NAME',
    completes: 'groups',
    meaning: 'Shows what the workers of a group say.',
    flags: [
      { name: 'follow', short: 'f', meaning: 'And what they say from now on, until Ctrl-C.' },
      { name: 'tail', value: 'N', meaning: 'The last so many lines that there are, 0 to 1000: 200.' },
      {
        name: 'worker',
        value: 'ID',
        meaning: 'Only lines of the worker with this id, as `status NAME` shows it (not its index).',
      },
      {
        name: 'level',
        value: 'LEVEL',
        completes: LOG_LEVELS,
        meaning: `Only lines of this level, and of worse ones: ${LOG_LEVELS.join(', ')}.`,
      },
      ...COMMON,
    ],
  },
  {
    name: 'completion',
    operands: 'bash|zsh|fish',
    completes: ['bash', 'zsh', 'fish'],
    meaning: 'Prints the completion for a shell.',
    flags: [...ADDRESS, HELP],
  },
] as const satisfies readonly Command[];

export type ClientCommandName = (typeof CLIENT_COMMANDS)[number]['name'];

/** How a command is written, for the help. */
export function usageOf({ name, operands }: Command): string {
  const words = ['parallel-workers', name === 'serve' ? '[serve]' : name, operands, '[flags]'];
  return words.filter((word) => word !== '').join(' ');
}

/** The client's command of that name. */
export function clientCommand(name: string | undefined): (Command & { name: ClientCommandName }) | undefined {
  return CLIENT_COMMANDS.find((command) => command.name === name);
}

/** What `--help` of a command prints. */
export function helpOf(command: Command): string {
  const left = command.flags.map(({ name, short, value }) => {
    const both = `${short === undefined ? '' : `-${short}, `}--${name}`;
    return value === undefined ? both : `${both} ${value}`;
  });
  const width = Math.max(...left.map(({ length }) => length)) + 2;
  return [
    `Usage: ${usageOf(command)}`,
    '',
    command.meaning,
    '',
    ...command.flags.map(({ meaning }, i) => `  ${(left[i] ?? '').padEnd(width)}${meaning}`),
    '',
    'Exit code 0: done; 1: a group has failed, or the service has refused; 2: wrong usage; 3: no service there.',
    '',
  ].join('\n');
}
