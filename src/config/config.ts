import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { envSchema } from 'env-schema';
import { ConfigError } from './config-error.js';
import { fenceRefusal } from './fence-refusal.js';
import { readTokens, type Tokens } from './secrets.js';
import { flagOf, SECRETS, SETTING_NAMES, type SettingName, Settings, typeOf } from './settings.js';
import { wrongWorkerEnv } from './worker-env.js';

export interface Config extends Tokens {
  /** Where to listen on TCP; undefined when only the socket is listened on. */
  readonly tcp: { readonly host: string; readonly port: number } | undefined;
  /** Path of the Unix socket to listen on; absolute. */
  readonly socket: string | undefined;
  /** Absolute, and a directory. */
  readonly workersDir: string;
  /** Absolute; it need not be there yet. */
  readonly stateDir: string;
  /** Directory of the feeds' sockets, absolute; undefined for a private one. */
  readonly feedDir: string | undefined;
  /** Absolute. */
  readonly groupsFile: string | undefined;
  /** Names that clients may call the service by, in lower case. */
  readonly allowedHosts: readonly string[];
  /** Calls a second of one address; 0: no limit. */
  readonly rateLimit: number;
  /** Names of environment variables that workers get; one that ends in `*` means all that begin so. */
  readonly workerEnv: readonly string[];
  /** Whether hosts run under Node's permission model. */
  readonly permissions: boolean;
  readonly maxWorkers: number;
  readonly maxGroups: number;
  /** How many hosts are kept ready for starts to come. */
  readonly warmHosts: number;
  readonly shutdownSeconds: number;
  readonly logLevel: Settings['PW_LOG_LEVEL'];
  /** Variables that look like settings and are none: most likely a typing error. */
  readonly unknown: readonly string[];
}

/**
 * Reads the settings from flags and environment.
 * @param flags by name, without dashes; they win over the variables
 * @throws ConfigError when a value is not usable
 */
export function readConfig(flags: Record<string, unknown>, environment: NodeJS.ProcessEnv): Config {
  const given: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const value = flags[flagOf(name)] ?? environment[name];
    // An empty variable is one that a compose file or a pod passes on without having it.
    if (value !== undefined && value !== '') given[name] = value;
  }
  const settings = check(given);
  const tokens = readTokens(settings);
  const refusal = settings.PW_PERMISSIONS ? fenceRefusal() : undefined;
  if (refusal !== undefined) throw new ConfigError(`PW_PERMISSIONS=true: ${refusal}`);
  // Whoever names a socket and nothing else wants no port to be open.
  const onTcp = settings.PW_SOCKET === undefined || 'PW_PORT' in given || 'PW_HOST' in given;
  if (onTcp) checkReach(settings, tokens);
  return Object.freeze({
    ...tokens,
    tcp: onTcp ? { host: settings.PW_HOST, port: settings.PW_PORT } : undefined,
    socket: absolute(settings.PW_SOCKET),
    workersDir: workersDirectory(settings),
    stateDir: resolve(settings.PW_STATE_DIR),
    feedDir: absolute(settings.PW_FEED_DIR),
    groupsFile: absolute(settings.PW_GROUPS_FILE),
    allowedHosts: allowedHosts(settings),
    rateLimit: settings.PW_RATE_LIMIT,
    workerEnv: names('PW_WORKER_ENV', settings.PW_WORKER_ENV, wrongWorkerEnv),
    permissions: settings.PW_PERMISSIONS,
    maxWorkers: settings.PW_MAX_WORKERS,
    maxGroups: settings.PW_MAX_GROUPS,
    warmHosts: settings.PW_WARM_HOSTS,
    shutdownSeconds: settings.PW_SHUTDOWN_SECONDS,
    logLevel: settings.PW_LOG_LEVEL,
    unknown: unknownSettings(environment),
  });
}

const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

/** What is wrong with a name, to follow its text; undefined when nothing is. */
type NameRule = (name: string) => string | undefined;

const wrongHost: NameRule = (name) =>
  HOST_NAME.test(name) ? undefined : 'is not a name of a host, without scheme and port';

/** It goes by the name that it listens on, too, should that be one. */
function allowedHosts({ PW_ALLOWED_HOSTS, PW_HOST }: Settings): string[] {
  const own = isIP(PW_HOST) === 0 && wrongHost(PW_HOST) === undefined ? [PW_HOST] : [];
  const all = [...names('PW_ALLOWED_HOSTS', PW_ALLOWED_HOSTS, wrongHost), ...own];
  return all.map((name) => name.toLowerCase());
}

function names(setting: SettingName, list: string | undefined, wrong: NameRule): string[] {
  const all = (list ?? '').split(',').map((name) => name.trim());
  return all.filter((name) => {
    const mistake = name === '' ? undefined : wrong(name);
    if (mistake !== undefined) throw new ConfigError(`${setting}=${list} is not valid: "${name}" ${mistake}`);
    return name !== '';
  });
}

function checkReach(settings: Settings, { token }: Tokens): void {
  if (isLoopback(settings.PW_HOST) || token !== undefined || settings.PW_INSECURE) return;
  throw new ConfigError(
    `PW_HOST=${settings.PW_HOST} lets others reach the service, which runs code for whoever asks: set PW_TOKEN_FILE or PW_TOKEN; or PW_INSECURE=true, behind a network that you trust`,
  );
}

function workersDirectory(settings: Settings): string {
  const path = resolve(settings.PW_WORKERS_DIR);
  if (isDirectory(path)) return path;
  throw new ConfigError(
    `PW_WORKERS_DIR=${settings.PW_WORKERS_DIR} is not a directory: create ${path}, or name the one with your worker modules`,
  );
}

function absolute(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}

/** `PW_TEST_*` steers the project's own tests; PW_URL is for commands that talk to a service. */
function unknownSettings(environment: NodeJS.ProcessEnv): string[] {
  const known = new Set<string>([...SETTING_NAMES, 'PW_URL']);
  return Object.keys(environment).filter((name) => /^PW_(?!TEST_)/.test(name) && !known.has(name));
}

function check(given: Partial<Record<SettingName, unknown>>): Settings {
  for (const name of Object.keys(given) as SettingName[]) {
    // The conversion that follows would take " " for 0 and "1e999" for a number.
    const type = typeOf(name);
    const isNumber = type === 'integer' || type === 'number';
    if (isNumber && !/^-?\d+(\.\d+)?$/.test(String(given[name]))) {
      throw new ConfigError(
        `${name}=${String(given[name])} is not valid: it must be ${type === 'integer' ? 'an integer' : 'a number'}`,
      );
    }
  }
  try {
    return envSchema<Settings>({ schema: Settings, data: given, env: false, dotenv: false });
  } catch (error) {
    const first = (
      error as {
        errors?: { instancePath: string; message?: string; params?: { allowedValues?: string[] } }[];
      }
    ).errors?.[0];
    const name = (first?.instancePath.slice(1) ?? '') as SettingName;
    const allowed = first?.params?.allowedValues?.join(', ');
    const rule =
      first?.message?.replace('must be boolean', 'must be true or false') ?? (error as Error).message;
    const detail = `${rule}${allowed === undefined ? '' : `: ${allowed}`}`;
    const value = SECRETS.includes(name) ? '' : `=${String(given[name])}`;
    throw new ConfigError(`${name}${value} is not valid: it ${detail}`);
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
