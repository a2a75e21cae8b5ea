import { type Static, type TSchema, Type } from 'typebox';

/** Settings without a default are left out of the configuration, and `none` in the tables. */
const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** Every setting: the one source of its type, its default, its check and its documentation. */
export const Settings = Type.Object({
  PW_HOST: Type.String({
    default: '127.0.0.1',
    minLength: 1,
    description: 'Address to listen on. Anything but loopback needs PW_TOKEN, or PW_INSECURE=true.',
  }),
  PW_PORT: Type.Integer({
    default: 8080,
    minimum: 0,
    maximum: 65_535,
    description: 'Port to listen on; 0 takes a free one.',
  }),
  PW_SOCKET: text(
    'Path of a Unix socket to listen on, for its owner alone (mode 0600): in place of TCP, or beside it when PW_PORT or PW_HOST is given.',
  ),
  PW_WORKERS_DIR: Type.String({
    default: './workers',
    minLength: 1,
    description: 'Directory of the worker modules; nothing outside of it is ever loaded.',
  }),
  PW_STATE_DIR: Type.String({
    default: './.parallel-workers',
    minLength: 1,
    description:
      'Directory in which registered groups survive the service. One service at a time may use it.',
  }),
  PW_FEED_DIR: text(
    'Directory of the sockets that feeds are served on, to share with trainers; without it, one in the state directory.',
  ),
  PW_GROUPS_FILE: text(
    'YAML or JSON file of groups to register at start; read again on SIGHUP and by POST /v1/reload.',
  ),
  PW_TOKEN: text(
    'Token that every call must bring, as "authorization: Bearer TOKEN". Better from a file: others can see arguments and environment.',
  ),
  PW_TOKEN_FILE: text('File with that token.'),
  PW_READ_TOKEN: text('A second token, for calls that change nothing.'),
  PW_READ_TOKEN_FILE: text('File with the second token.'),
  PW_ALLOWED_HOSTS: text(
    'Names, separated by commas, by which clients may call the service, besides localhost and IP addresses.',
  ),
  PW_RATE_LIMIT: Type.Integer({
    default: 1000,
    minimum: 0,
    maximum: 1_000_000,
    description: 'The most calls a second that one address may make; 0: no limit.',
  }),
  PW_WORKER_ENV: text(
    'Environment variables, separated by commas, that workers get besides PATH, HOME, LANG and their like; AWS_* means all that begin so.',
  ),
  PW_PERMISSIONS: Type.Boolean({
    default: false,
    description:
      "Runs hosts under Node's permission model (Node 24 and later): workers reach only what their group's `permissions` grant.",
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
  PW_WARM_HOSTS: Type.Integer({
    default: 1,
    minimum: 0,
    maximum: 64,
    description:
      'How many host processes are kept ready, which makes the next starts faster; each takes some memory.',
  }),
  PW_SHUTDOWN_SECONDS: Type.Number({
    default: 25,
    minimum: 0,
    maximum: 3600,
    description: 'How long the service may take to end, its groups included; what is left then is killed.',
  }),
  PW_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
    description: 'Level of the log on standard output: fatal, error, warn, info, debug, trace or silent.',
  }),
  PW_INSECURE: Type.Boolean({
    default: false,
    description:
      'Allows an address that others can reach without a token. Whoever reaches the service can run its worker modules.',
  }),
});
export type Settings = Static<typeof Settings>;

export type SettingName = keyof Settings;

export const SETTING_NAMES = Object.keys(Settings.properties) as SettingName[];

/** Of these the value is never repeated in a message. */
export const SECRETS: readonly SettingName[] = ['PW_TOKEN', 'PW_READ_TOKEN'];

/** Flags that are not simply the variable's name. */
const FLAGS: Partial<Record<SettingName, string>> = { PW_GROUPS_FILE: 'groups' };

/** The flag of a setting, without its dashes. */
export function flagOf(name: SettingName): string {
  return FLAGS[name] ?? name.slice('PW_'.length).toLowerCase().replaceAll('_', '-');
}

/** The JSON type of a setting's value. */
export function typeOf(name: SettingName): string | undefined {
  return (Settings.properties[name] as TSchema & { type?: string }).type;
}

/** One row of the documentation of settings. */
export interface SettingRow {
  readonly variable: string;
  readonly flag: string;
  readonly default: string;
  readonly meaning: string;
}

/** The settings as a table of environment variable, flag, default and meaning, for `--help` and the README. */
export function settingsTable(): SettingRow[] {
  return SETTING_NAMES.map((name) => {
    const schema = Settings.properties[name] as TSchema & { default?: unknown; description?: string };
    return {
      variable: name,
      flag: `--${flagOf(name)}`,
      default: String(schema.default ?? 'none'),
      meaning: schema.description ?? '',
    };
  });
}
