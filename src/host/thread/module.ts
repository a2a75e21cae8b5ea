import type { LoggerModule, WorkerModule } from '../../index.js';

const HOOK_NAMES = ['init', 'shutdown', 'cleanup', 'setup', 'teardown'] as const;

/**
 * Imports a worker module and checks its shape. What a CommonJS module puts on `module.exports` counts as exports
 * even where Node does not see them as named ones.
 *
 * @throws whatever the import throws; TypeError when an export is missing or is no function
 */
export async function loadWorkerModule(url: string): Promise<WorkerModule> {
  const exported = await importExports(url);
  const worker = exported('default');
  if (typeof worker !== 'function') {
    throw new TypeError(
      'it has no default export that is a function: export default async function worker(workerId, ctx) { ... }',
    );
  }
  const module: Record<string, unknown> = { default: worker };
  for (const name of HOOK_NAMES) {
    const hook = exported(name);
    if (hook === undefined) continue;
    if (typeof hook !== 'function') throw new TypeError(`its export "${name}" is not a function`);
    module[name] = hook;
  }
  return module as unknown as WorkerModule;
}

/** Imports a logger module. @throws as `loadWorkerModule` */
export async function loadLoggerModule(url: string): Promise<LoggerModule> {
  const log = (await importExports(url))('log');
  if (typeof log !== 'function') throw new TypeError('it has no export "log" that is a function');
  return { log: log as LoggerModule['log'] };
}

async function importExports(url: string): Promise<(name: string) => unknown> {
  const namespace = (await import(url)) as Record<string, unknown>;
  const fallback = namespace['default'];
  return (name) => {
    const direct = namespace[name];
    if (typeof direct === 'function' || fallback === null) return direct;
    if (typeof fallback !== 'object' && typeof fallback !== 'function') return direct;
    return (fallback as Record<string, unknown>)[name] ?? direct;
  };
}

/** Where a syntax error is: Node keeps the place in the first line of the stack only. */
export function withPlace(error: unknown): unknown {
  if (!(error instanceof SyntaxError)) return error;
  const place = /^(file:\S+:\d+|\/\S+:\d+)$/m.exec(error.stack ?? '')?.[1];
  if (place === undefined || error.message.includes(place)) return error;
  return Object.assign(new SyntaxError(`${error.message} (${place})`), { stack: error.stack });
}
