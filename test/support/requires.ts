import { spawnSync } from 'node:child_process';

/**
 * For tests that need a program which not every machine has: the options that skip them with a line that says so.
 * With PW_TEST_REQUIRE=all a missing program is a failure.
 */
export function requires(program: string): { skip: string | false } {
  const found = spawnSync(program, ['--version']).error === undefined;
  if (found) return { skip: false };
  if (process.env['PW_TEST_REQUIRE'] === 'all')
    throw new Error(`${program} is missing, and PW_TEST_REQUIRE=all`);
  return { skip: `${program} is not installed` };
}
