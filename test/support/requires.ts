import { spawnSync } from 'node:child_process';

interface Skip {
  skip: string | false;
}

const REQUIRE_ALL = process.env['PW_TEST_REQUIRE'] === 'all';

/**
 * For tests that need a program which not every machine has: the options that skip them with a line that says so.
 * With PW_TEST_REQUIRE=all a missing program is a failure.
 */
export function requires(program: string): Skip {
  const found = spawnSync(program, ['--version']).error === undefined;
  if (found) return { skip: false };
  if (REQUIRE_ALL) throw new Error(`${program} is missing, and PW_TEST_REQUIRE=all`);
  return { skip: `${program} is not installed` };
}

/** As `requires`, for tests that install packages. */
export function requiresRegistry(): Skip {
  if (REQUIRE_ALL) return { skip: false }; // It says best itself why it cannot be reached.
  const question = ['view', 'fastify', 'version', '--fetch-retries=0'];
  const { status } = spawnSync('npm', question, { stdio: 'ignore', timeout: 10_000 });
  return { skip: status === 0 ? false : 'the npm registry cannot be reached' };
}
