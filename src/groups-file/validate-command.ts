import { parseArgs } from 'node:util';
import { moduleResolver } from '../worker-modules.js';
import { loadGroupsFile } from './load.js';
import { describeMistake } from './mistake.js';

const USAGE = `Usage: parallel-workers validate FILE [--workers-dir DIR] [--max-workers N] [--max-groups N]

Checks a groups file (YAML or JSON) without a service, and tells every mistake with its line. Modules are looked for in
the workers directory when it is given, by the flag or as PW_WORKERS_DIR. Exit code 0: valid, 1: not, 2: wrong usage.
`;

/** Where the command writes. */
export interface CommandOutput {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

/** Wrong usage; the message is one line. */
class UsageError extends Error {}

/**
 * `parallel-workers validate FILE`: the mistakes go to standard output, one a line, as `file:line:col: pointer sentence`.
 * @param args what follows `validate` on the command line
 * @returns the exit code: 0 valid, 1 with mistakes, 2 for wrong usage
 */
export async function validateCommand(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  { stdout, stderr }: CommandOutput,
): Promise<0 | 1 | 2> {
  let command: Command | 'help';
  try {
    command = readArguments(args, environment);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr(`parallel-workers validate: ${error.message.replace(/[\r\n]+/g, ' ')}\n`);
    return 2;
  }
  if (command === 'help') {
    stdout(USAGE);
    return 0;
  }
  const { file, workersDir, limits } = command;
  const resolveModule = workersDir === undefined ? undefined : moduleResolver(workersDir);
  const { specs, mistakes, warnings } = await loadGroupsFile(file, { limits, resolveModule });
  for (const warning of warnings) stderr(`${describeMistake(file, warning)} (a warning)\n`);
  for (const mistake of mistakes) stdout(`${describeMistake(file, mistake)}\n`);
  if (mistakes.length > 0) return 1;
  const groups = specs.length === 1 ? '1 group' : `${specs.length} groups`;
  const unseen = workersDir === undefined ? ' (modules were not looked for: give --workers-dir)' : '';
  stdout(`${file}: ${groups}, valid${unseen}\n`);
  return 0;
}

interface Command {
  readonly file: string;
  readonly workersDir: string | undefined;
  readonly limits: { maxWorkers: number | undefined; maxGroups: number | undefined };
}

function readArguments(args: readonly string[], environment: NodeJS.ProcessEnv): Command | 'help' {
  const { values, positionals } = parse(args);
  if (values.help === true) return 'help';
  const [file, ...others] = positionals;
  if (file === undefined || file === '' || others.length > 0)
    throw new UsageError('name one file (--help tells more)');
  return {
    file,
    // An empty variable is one that a compose file or a pod passes on without having it.
    workersDir: values['workers-dir'] ?? (environment['PW_WORKERS_DIR'] || undefined),
    limits: {
      maxWorkers: limit('--max-workers', values['max-workers'] ?? environment['PW_MAX_WORKERS']),
      maxGroups: limit('--max-groups', values['max-groups'] ?? environment['PW_MAX_GROUPS']),
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: true,
      options: {
        'workers-dir': { type: 'string' },
        'max-workers': { type: 'string' },
        'max-groups': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} (--help tells more)`);
  }
}

function limit(flag: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UsageError(`${flag} ${text} is no number of 1 or more`);
}
