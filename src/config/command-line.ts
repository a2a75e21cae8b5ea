import { parseArgs } from 'node:util';
import { COMMANDS } from '../cli/commands.js';
import { usageOf } from '../cli/syntax.js';
import { type Config, readConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { flagOf, SETTING_NAMES, settingsTable, typeOf } from './settings.js';

export type CommandLine = { command: 'serve'; config: Config } | { command: 'help' } | { command: 'version' };

/** What `--help` prints. */
export function helpText(): string {
  const table = settingsTable();
  const width = (column: 'flag' | 'variable' | 'default') =>
    Math.max(...table.map((row) => row[column].length), column.length) + 1;
  const widths = { flag: width('flag'), variable: width('variable'), default: width('default') };
  const line = (flag: string, variable: string, usual: string, meaning: string) =>
    `  ${flag.padEnd(widths.flag)} ${variable.padEnd(widths.variable)} ${usual.padEnd(widths.default)} ${meaning}`;
  const alone = (flag: string, meaning: string) =>
    `  ${flag.padEnd(widths.flag + widths.variable + widths.default + 2)} ${meaning}`;
  return [
    ...COMMANDS.map(
      (command, i) => `${i === 0 ? 'Usage: ' : '       '}${usageOf(command).padEnd(52)} ${command.meaning}`,
    ),
    '',
    'Runs groups of workers beside a trainer. A flag wins over its environment variable. These are the flags of the',
    'service; `parallel-workers COMMAND --help` has those of the other commands.',
    '',
    line('Flag', 'Variable', 'Default', 'Meaning'),
    ...table.map((row) => line(row.flag, row.variable, row.default, row.meaning)),
    alone('--help', 'Prints this.'),
    alone('--version', 'Prints the version.'),
    '',
  ].join('\n');
}

/**
 * Reads the flags and the environment of the service, which `serve` may precede.
 * @throws ConfigError when a flag is unknown or a value is not usable
 */
export function readCommandLine(args: readonly string[], environment: NodeJS.ProcessEnv): CommandLine {
  const [first, ...others] = args;
  if (first !== undefined && first !== 'serve' && !first.startsWith('-'))
    throw new ConfigError(`there is no command ${JSON.stringify(first)} (--help lists them)`);
  const flags = readFlags(first === 'serve' ? others : args);
  if (flags['help'] === true) return { command: 'help' };
  if (flags['version'] === true) return { command: 'version' };
  return { command: 'serve', config: readConfig(flags, environment) };
}

function readFlags(args: readonly string[]): Record<string, unknown> {
  const settings = SETTING_NAMES.map(
    (name) => [flagOf(name), { type: typeOf(name) === 'boolean' ? 'boolean' : 'string' }] as const,
  );
  const options = {
    ...Object.fromEntries(settings),
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new ConfigError(`${(error as Error).message.split('\n')[0]} (--help lists the flags)`);
  }
}
