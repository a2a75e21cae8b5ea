import { startService } from '../../dist-test/support/service.js';

/**
 * For services of which no start is measured: the start of a host that is kept ready would be half of what a measurement of a
 * second sees, and comes once a start.
 */
export const NO_SPARE = { PW_WARM_HOSTS: '0' };

/** Runs `body` with a real service, which ends with it. Options are those of the tests' services. */
export async function withService(options, body) {
  const ends = [];
  try {
    return await body(await startService({ after: (end) => ends.push(end) }, options));
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
