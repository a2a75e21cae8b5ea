import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { PYTHON } from './python.mjs';

const BENCH = new URL('../package.json', import.meta.url);
const PRODUCT = new URL('../../package.json', import.meta.url);

/** What the figures depend on. Versions of programs that are not installed are left out. */
export function machine() {
  const { version, dependencies } = JSON.parse(readFileSync(PRODUCT, 'utf8'));
  const peers = JSON.parse(readFileSync(BENCH, 'utf8')).dependencies;
  return {
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    versions: withoutUndefined({
      'parallel-workers': version,
      node: process.versions.node,
      fastify: dependencies.fastify,
      ...peers,
      python: versionOf(PYTHON, ['--version']),
      supervisord: versionOf('supervisord', ['--version']),
      numpy: versionOf(PYTHON, ['-c', 'import numpy; print(numpy.__version__)']),
      'python3-torch': versionOf(PYTHON, ['-c', 'import torch; print(torch.__version__)']),
    }),
  };
}

/** The version that a program prints; undefined when it is not there. */
export function versionOf(program, args) {
  try {
    return /\d+(\.\d+)+/.exec(execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }))?.[0];
  } catch {
    return undefined;
  }
}

function withoutUndefined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
