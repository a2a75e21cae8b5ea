import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { envSchema } from 'env-schema';
import { type Static, type TSchema, Type } from 'typebox';

/** Every setting: the one source of its type, its default, its check and its documentation. */
const Settings = Type.Object({
  PW_HOST: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'Address to listen on. Anything but loopback needs PW_INSECURE=true.',
  }),
  PW_PORT: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'Port to listen on; 0 takes a free one.',
  }),
  PW_WORKERS_DIR: Type.String({
    default: './workers',
    minLength: 1,
    description: 'Directory of the worker modules; nothing outside of it is ever loaded.',
  }),
  PW_MAX_WORKERS: Type.Integer({
    default: 64,
    minimum: 1,
    maximum: 4096,
    description: 'The most workers that all groups together may have at work.',
  }),
  PW_MAX_GROUPS: Type.Integer({
    default: 256,
    minimum: 1,
    maximum: 10_000,
    description: 'The most groups that may be registered.',
  }),
  PW_SHUTDOWN_SECONDS: Type.Number({
    default: 25,
    minimum: 0,
    maximum: 3600,
    description: 'How long the groups may take to stop when the service ends; then they are killed.',
  }),
  PW_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Level of the log on standard output: fatal, error, warn, info, debug, trace or silent.',
  }),
  PW_INSECURE: Type.Boolean({
    default: false,
    description:
      'Allows an address that others can reach. Whoever reaches the service can run its worker modules.',
  }),
});

type SettingName = keyof Static<typeof Settings>;

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Absolute. */
  readonly workersDir: string;
  readonly maxWorkers: number;
  readonly maxGroups: number;
  readonly shutdownSeconds: number;
  readonly logLevel: Static<typeof Settings>['PW_LOG_LEVEL'];
  /** Variables that look like settings and are none: most likely a typing error. */
  readonly unknown: readonly string[];
}

/** A setting is not usable; the message is one line for the person who started the service. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(message: string) {
    // Values are quoted in messages, and a value may have line breaks.
    super(message.replace(/[\r\n]+/g, ' '));
  }
}

const NAMES = Object.keys(Settings.properties) as SettingName[];

function flagOf(name: SettingName): string {
  return name.slice('PW_'.length).toLowerCase().replaceAll('_', '-');
}

/** The settings as a table of environment variable, flag, default and meaning, for `--help` and the README. */
export function settingsTable(): { variable: string; flag: string; default: string; meaning: string }[] {
  return NAMES.map((name) => {
    const schema = Settings.properties[name] as TSchema & { default?: unknown; description?: string };
    return {
      variable: name,
      flag: `--${flagOf(name)}`,
      default: String(schema.default),
      meaning: schema.description ?? '',
    };
  });
}

export function helpText(): string {
  const rows = settingsTable().map(
    (row) => `  ${row.flag.padEnd(20)} ${row.variable.padEnd(20)} ${row.default.padEnd(10)} ${row.meaning}`,
  );
  return [
    'Usage: parallel-workers [flags]',
    '',
    'Runs groups of workers beside a trainer. A flag wins over its environment variable.',
    '',
    `  ${'Flag'.padEnd(20)} ${'Variable'.padEnd(20)} ${'Default'.padEnd(10)} Meaning`,
    ...rows,
    `  ${'--help'.padEnd(52)} Prints this.`,
    `  ${'--version'.padEnd(52)} Prints the version.`,
    '',
  ].join('\n');
}

export type CommandLine = { command: 'serve'; config: Config } | { command: 'help' } | { command: 'version' };

/**
 * Reads flags and environment.
 * @throws ConfigError when a flag is unknown or a value is not usable
 */
export function readCommandLine(args: readonly string[], environment: NodeJS.ProcessEnv): CommandLine {
  const flags = readFlags(args);
  if (flags['help'] === true) return { command: 'help' };
  if (flags['version'] === true) return { command: 'version' };
  return { command: 'serve', config: readConfig(flags, environment) };
}

function readFlags(args: readonly string[]): Record<string, unknown> {
  const settings = NAMES.map(
    (name) => [flagOf(name), { type: name === 'PW_INSECURE' ? 'boolean' : 'string' }] as const,
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

function readConfig(flags: Record<string, unknown>, environment: NodeJS.ProcessEnv): Config {
  const given: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = flags[flagOf(name)] ?? environment[name];
    // An empty variable is one that a compose file or a pod passes on without having it.
    if (value !== undefined && value !== '') given[name] = value;
  }
  const settings = check(given);
  if (!isLoopback(settings.PW_HOST) && !settings.PW_INSECURE) {
    throw new ConfigError(
      `PW_HOST=${settings.PW_HOST} lets others reach the service, which runs code for whoever asks: set PW_INSECURE=true if that is meant, and keep it behind a network that you trust`,
    );
  }
  const workersDir = resolve(settings.PW_WORKERS_DIR);
  if (!isDirectory(workersDir)) {
    throw new ConfigError(
      `PW_WORKERS_DIR=${settings.PW_WORKERS_DIR} is not a directory: create ${workersDir}, or name the one with your worker modules`,
    );
  }
  return Object.freeze({
    host: settings.PW_HOST,
    port: settings.PW_PORT,
    workersDir,
    maxWorkers: settings.PW_MAX_WORKERS,
    maxGroups: settings.PW_MAX_GROUPS,
    shutdownSeconds: settings.PW_SHUTDOWN_SECONDS,
    logLevel: settings.PW_LOG_LEVEL,
    unknown: unknownSettings(environment),
  });
}

/** `PW_TEST_*` steers the project's own tests. */
function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  const known = new Set<string>(NAMES);
  return Object.keys(environment).filter((name) => /^PW_(?!TEST_)/.test(name) && !known.has(name));
}

function check(given: Record<string, unknown>): Static<typeof Settings> {
  for (const [name, value] of Object.entries(given)) {
    // The conversion that follows would take " " for 0 and "1e999" for a number.
    const { type } = Settings.properties[name as SettingName] as TSchema & { type?: string };
    const isNumber = type === 'integer' || type === 'number';
    if (isNumber && !/^-?\d+(\.\d+)?$/.test(String(value))) {
      throw new ConfigError(
        `${name}=${String(value)} is not valid: it must be ${type === 'integer' ? 'an integer' : 'a number'}`,
      );
    }
  }
  try {
    return envSchema<Static<typeof Settings>>({ schema: Settings, data: given, env: false, dotenv: false });
  } catch (error) {
    const first = (
      error as {
        errors?: { instancePath: string; message?: string; params?: { allowedValues?: string[] } }[];
      }
    ).errors?.[0];
    const name = first?.instancePath.slice(1) ?? '';
    const allowed = first?.params?.allowedValues?.join(', ');
    const rule =
      first?.message?.replace('must be boolean', 'must be true or false') ?? (error as Error).message;
    const detail = `${rule}${allowed === undefined ? '' : `: ${allowed}`}`;
    throw new ConfigError(`${name}=${String(given[name])} is not valid: it ${detail}`);
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
