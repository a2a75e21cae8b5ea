import { realpath, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ProblemError } from './errors.js';
import { isInside } from './inside.js';

const JAVASCRIPT = ['.mjs', '.js', '.cjs'];
const TYPESCRIPT = ['.ts', '.mts', '.cts'];

/** Whether this Node runs TypeScript by stripping its types: 22.18 and later. */
const STRIPS_TYPES = Boolean((process.features as { typescript?: false | string }).typescript);

/** A worker module that was found. */
export interface FoundModule {
  /** Its file URL, symbolic links resolved. */
  readonly url: string;
  /** Real path of the workers directory that it is in. */
  readonly workersDir: string;
}

/**
 * Returns a function that finds a worker module by its path in the workers directory. What is found may be replaced at
 * any time: whoever loads it looks again.
 *
 * @throws (the function) ProblemError module_not_allowed, module_not_found, module_unsupported
 */
export function moduleResolver(workersDir: string): (path: string) => Promise<FoundModule> {
  const root = resolve(workersDir);
  return async (path) => {
    const wanted = resolve(root, path);
    if (!isInside(root, wanted)) throw notAllowed(path);
    let real: string;
    try {
      real = await realpath(wanted);
    } catch (error) {
      throw new ProblemError(
        'module_not_found',
        `Module "${path}" cannot be found in the workers directory ${root} (PW_WORKERS_DIR).`,
        {
          cause: error,
        },
      );
    }
    const realRoot = await realpath(root);
    if (!isInside(realRoot, real)) throw notAllowed(path);
    if (!(await stat(real)).isFile()) {
      throw new ProblemError('module_unsupported', `Module "${path}" is not a file.`);
    }
    const extension = extname(real);
    const supported = STRIPS_TYPES ? [...JAVASCRIPT, ...TYPESCRIPT] : JAVASCRIPT;
    if (supported.includes(extension)) return { url: pathToFileURL(real).href, workersDir: realRoot };
    const advice = TYPESCRIPT.includes(extension)
      ? `TypeScript modules need Node 22.18 or later, and this service runs on ${process.version}: compile it to JavaScript`
      : `its name must end in ${supported.join(', ')}`;
    throw new ProblemError('module_unsupported', `Module "${path}" cannot be loaded: ${advice}.`);
  };
}

function notAllowed(path: string): ProblemError {
  const detail = `Module "${path}" is outside the workers directory (PW_WORKERS_DIR). Give a path inside of it.`;
  return new ProblemError('module_not_allowed', detail);
}
