import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

interface Skip {
  skip: string | false;
}

const REQUIRE_ALL = process.env['PW_TEST_REQUIRE'] === 'all';

/**
 * For tests that need programs which not every machine has: the options that skip them with a line that says so.
 * With PW_TEST_REQUIRE=all a missing one is a failure.
 */
export function requires(...programs: string[]): Skip {
  const missing = programs.find((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing === undefined) return { skip: false };
  if (REQUIRE_ALL) throw new Error(`${missing} is missing, and PW_TEST_REQUIRE=all`);
  return { skip: `${missing} is not installed` };
}

/** As `requires`, for a file that comes with a package. */
export function requiresFile(path: string, packageName: string): Skip {
  if (existsSync(path)) return { skip: false };
  if (REQUIRE_ALL) throw new Error(`${path} of ${packageName} is missing, and PW_TEST_REQUIRE=all`);
  return { skip: `${packageName} is not installed` };
}

/** As `requires`, for tests that install packages. */
export function requiresRegistry(): Skip {
  if (REQUIRE_ALL) return { skip: false }; // It says best itself why it cannot be reached.
  const question = ['view', 'fastify', 'version', '--fetch-retries=0'];
  const options = { stdio: 'ignore', timeout: 10_000, env: npmEnvironment() } as const;
  const { status } = spawnSync('npm', question, options);
  return { skip: status === 0 ? false : 'the npm registry cannot be reached' };
}

/** The environment with the certificates that `test/run.mjs` has kept from everybody else. */
export function npmEnvironment(): NodeJS.ProcessEnv {
  const { PW_TEST_CA_CERTS: certificates, ...environment } = process.env;
  return { ...environment, ...(certificates !== undefined && { NODE_EXTRA_CA_CERTS: certificates }) };
}
