import { parseArgs } from 'node:util';
import { ConfigError } from '../config/config-error.js';
import { readToken } from '../config/secrets.js';
import { type Address, readAddress } from './address.js';
import { UsageError } from './failures.js';
import type { Command } from './syntax.js';

/** What a command was asked for. */
export interface Arguments {
  /** Names of groups, or the shell of `completion`; each once. */
  readonly operands: readonly string[];
  /** As `key=value`. */
  readonly labels: readonly string[];
  readonly all: boolean;
  readonly json: boolean;
  readonly once: boolean;
  readonly follow: boolean;
  /** What `logs` was given, as it was given. */
  readonly tail: string | undefined;
  readonly worker: string | undefined;
  readonly level: string | undefined;
  readonly address: Address;
  readonly token: string | undefined;
}

/** A name that a group can have. Anything else, such as "..", would lead to another path of the API. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Reads what follows the command's name. @throws UsageError, ConfigError */
export async function readArguments(
  command: Command,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Arguments | 'help'> {
  const { values, positionals } = await parse(command, args);
  if (values['help'] === true) return 'help';
  const labels = (values['label'] ?? []) as string[];
  for (const label of labels)
    if (!/^[^=]+=/.test(label)) throw new UsageError(`--label ${label} is not of the form key=value`);
  const all = values['all'] === true;
  checkSelection(command, positionals, labels, all);
  return {
    operands: [...new Set(positionals)],
    labels,
    all,
    json: values['json'] === true,
    once: values['once'] === true,
    follow: values['follow'] === true,
    tail: values['tail'] as string | undefined,
    worker: values['worker'] as string | undefined,
    level: values['level'] as string | undefined,
    address: readAddress(values as { url?: string; socket?: string }, environment),
    token: token(values['token-file'] as string | undefined, environment),
  };
}

async function parse(command: Command, args: readonly string[]) {
  const options = Object.fromEntries(
    command.flags.map(({ name, short, value, multiple = false }) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple,
        ...(short !== undefined && { short }),
      },
    ]),
  );
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    const [said = ''] = (error as Error).message.split('\n');
    const [, unknown] = /^Unknown option '--([\w-]+)'/.exec(said) ?? [];
    if (unknown !== undefined && (await isOfService(unknown)))
      throw new UsageError(
        `--${unknown} is a flag of the service; ${command.name} finds it by --url, as http://127.0.0.1:8080, or by --socket, and takes its token from --token-file`,
      );
    throw new UsageError(said);
  }
}

async function isOfService(flag: string): Promise<boolean> {
  // Only now: settings bring all that they are made of.
  const { flagOf, SETTING_NAMES } = await import('../config/settings.js');
  return SETTING_NAMES.some((name) => flagOf(name) === flag);
}

function checkSelection(
  { name, completes, flags }: Command,
  names: readonly string[],
  labels: readonly string[],
  all: boolean,
): void {
  if (completes !== 'groups') return;
  const wrong = names.find((text) => !NAME.test(text));
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is no name of a group`);
  const ways = [names.length > 0, labels.length > 0, all].filter(Boolean).length;
  if (ways > 1) throw new UsageError('name groups, or choose them by --label, or take --all: one of these');
  if (ways === 0 && flags.some((flag) => flag.name === 'all'))
    throw new UsageError(`name the groups to ${name}, or give --all`);
}

/** The token by flag or variable; that for reading alone comes last. @throws ConfigError */
function token(file: string | undefined, environment: NodeJS.ProcessEnv): string | undefined {
  if (file !== undefined) return named('--token-file', () => readToken('PW_TOKEN', undefined, file));
  const read = (name: string) =>
    readToken(name, environment[name] || undefined, environment[`${name}_FILE`] || undefined);
  return read('PW_TOKEN') ?? read('PW_READ_TOKEN');
}

function named(flag: string, read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(error.message.replace('PW_TOKEN_FILE', flag));
  }
}
