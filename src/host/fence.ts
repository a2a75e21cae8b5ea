import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Permissions } from '../schemas/permissions.js';

/** Node warns, on standard error and in each thread, of every permission that it is given: they are given on purpose. */
const WARNINGS = ['PERM0001', 'PERM0002', 'PERM0003', 'PERM0004', 'PERM0005', 'PERM0006', 'PERM0007'];

/** For its priority. By this name alone: here, in the service, it leads to the service's own process. */
const OWN_THREADS = '/proc/self/task';

/** Where this package is, as its own code is loaded from there. */
const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

export interface FencePaths {
  /** Real path of the directory of the worker modules. */
  readonly workersDir: string;
  /** Real path of the host's working directory. */
  readonly directory: string;
  /** The socket that the group's feed is served on, if it has one. */
  readonly socket: string | undefined;
  /** Where Node writes coverage, while it is being taken. */
  readonly coverage: string | undefined;
}

/** The flags that fence a host in: it reads the workers directory, writes to its own, and what else is granted. */
export function fenceFlags(permissions: Permissions, paths: FencePaths): string[] {
  const { workersDir, directory, socket, coverage } = paths;
  const granted = (list: readonly string[]) => list.map((path) => resolve(workersDir, path));
  const own = [directory, socket, coverage].filter((path) => path !== undefined);
  const write = [...own, ...granted(permissions.write)];
  const read = [...ownCode(), workersDir, ...granted(permissions.read), ...write];
  return [
    '--permission',
    '--allow-worker',
    // A stall is told with the stack of its thread. It opens nothing that threads without a fence would not.
    ...ifKnown('--allow-inspector'),
    // Not fenced in any version, so that a spec means the same everywhere.
    ...ifKnown('--allow-net'),
    ...(permissions.childProcess ? ['--allow-child-process'] : []),
    ...(permissions.addons ? ['--allow-addons'] : []),
    ...(permissions.wasi ? ['--allow-wasi'] : []),
    ...[...bothNames(read), OWN_THREADS].map((path) => `--allow-fs-read=${path}`),
    ...bothNames(write).map((path) => `--allow-fs-write=${path}`),
    ...WARNINGS.map((code) => `--disable-warning=${code}`),
  ];
}

function ifKnown(flag: string): string[] {
  return process.allowedNodeEnvironmentFlags.has(flag) ? [flag] : [];
}

/** What the host itself is made of: its own code, and the package that its pool comes from. */
function ownCode(): string[] {
  const own = [join(PACKAGE, 'dist'), join(PACKAGE, 'package.json')];
  for (let folder = PACKAGE; ; folder = dirname(folder)) {
    // As Node looks for it. A package manager may have put a link there.
    const piscina = join(folder, 'node_modules', 'piscina');
    if (existsSync(piscina)) return [...own, piscina];
    if (folder === dirname(folder)) return own;
  }
}

/** Node compares paths as they are written: a link is granted by its own name and by that of what it leads to. */
function bothNames(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => [path, realOf(path)]))];
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
