import { startService } from '../../dist-test/support/service.js';

/** Runs `body` with a real service, which ends with it. Options are those of the tests' services. */
export async function withService(options, body) {
  const ends = [];
  try {
    return await body(await startService({ after: (end) => ends.push(end) }, options));
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
