import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isInside } from '../../inside.js';
import type { LoggerModule, WorkerModule } from '../../worker-module.js';
import { describeThrown, isNamed, stackOf } from './thrown.js';

/** How long to look for the place of a syntax error, in milliseconds. */
const DEATH_MS = 3_000;

const HOOK_NAMES = ['init', 'shutdown', 'cleanup', 'setup', 'teardown'] as const;

/**
 * Imports a worker module and checks its shape. What a CommonJS module puts on `module.exports` counts as exports
 * even where Node does not see them as named ones.
 *
 * @param workersDir real path of the directory that it has to be in, at this moment
 * @throws whatever the import throws; TypeError when an export is missing or is no function; Error when the file is
 * outside of the directory by now
 */
export async function loadWorkerModule(url: string, workersDir: string): Promise<WorkerModule> {
  const exported = await importExports(presentUrl(url, workersDir));
  const worker = exported('default');
  if (typeof worker !== 'function') {
    throw new TypeError(
      'it has no default export that is a function: export default async function worker(workerId, ctx) { ... } (in CommonJS: module.exports = worker)',
    );
  }
  if (/Generator/.test(worker.constructor.name)) {
    throw new TypeError(
      'its default export is a generator: a call of it does nothing. Make it a function, sync or async',
    );
  }
  const hooks: Partial<Omit<WorkerModule, 'default'>> = {};
  for (const name of HOOK_NAMES) {
    const hook = exported(name);
    if (hook === undefined) continue;
    if (typeof hook !== 'function') throw new TypeError(`its export "${name}" is not a function`);
    Object.assign(hooks, { [name]: hook });
  }
  return { default: worker as WorkerModule['default'], ...hooks };
}

/** Imports a logger module. @throws as `loadWorkerModule` */
export async function loadLoggerModule(url: string, workersDir: string): Promise<LoggerModule> {
  const log = (await importExports(presentUrl(url, workersDir)))('log');
  if (typeof log !== 'function') throw new TypeError('it has no export "log" that is a function');
  return { log: log as LoggerModule['log'] };
}

/**
 * The URL of what the module's path leads to now. It was inside when the control plane looked, but a directory on the
 * way may have become a link since.
 */
function presentUrl(url: string, workersDir: string): string {
  let real: string;
  try {
    real = realpathSync.native(fileURLToPath(url));
  } catch (error) {
    throw new Error(`it is not there any more (${describeThrown(error).message})`, { cause: error });
  }
  if (isInside(workersDir, real)) return pathToFileURL(real).href;
  throw new Error(
    `it leads out of the workers directory now, to ${real}: a link has taken the place of what was checked before`,
  );
}

async function importExports(url: string): Promise<(name: string) => unknown> {
  const namespace = await importNamespace(url);
  const fallback = namespace['default'];
  return (name) => {
    const direct = namespace[name];
    if (typeof direct === 'function' || fallback === null) return direct;
    if (typeof fallback !== 'object' && typeof fallback !== 'function') return direct;
    return (fallback as Record<string, unknown>)[name] ?? direct;
  };
}

async function importNamespace(url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw withPlace(error, url);
  }
}

/**
 * The same error, with the place where it is, for one that the parser has thrown. Node tells the place of a syntax
 * error in an ES module only when it dies of it, so a process of its own has to: it fails to parse the same files,
 * and runs none of them. An error whose stack has frames of user code was thrown by running code, and is left alone.
 */
function withPlace(error: unknown, url: string): unknown {
  if (!isNamed(error, 'SyntaxError')) return error;
  const stack = stackOf(error);
  const place = placeIn(stack) ?? (isFromParser(stack) ? placeIn(deathOf(url)) : undefined);
  const { message } = describeThrown(error);
  if (place === undefined || message.includes(place)) return error;
  return Object.assign(new SyntaxError(`${message} (${place})`), { stack });
}

/** Whether the first frame of the stack is Node's: what running code throws has its own, or JSON.parse and the like. */
function isFromParser(stack: string): boolean {
  const first = stack.split('\n').find((line) => /^ +at /.test(line));
  return first === undefined || first.includes('node:internal/');
}

function placeIn(text: string): string | undefined {
  return /^(?:file:\/\/)?(\/\S+:\d+)$/m.exec(text)?.[1];
}

/** What Node says when it dies of the module; nothing where processes are not allowed. */
function deathOf(url: string): string {
  if (process.permission?.has('child') === false) return '';
  const source = `await import(${JSON.stringify(url)})`;
  const args = ['--input-type=module', '--eval', source];
  return (
    spawnSync(process.execPath, args, { encoding: 'utf8', timeout: DEATH_MS, killSignal: 'SIGKILL' })
      .stderr ?? ''
  );
}
