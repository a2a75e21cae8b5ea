import { fileURLToPath } from 'node:url';
import { NO_SPARE, withService } from '../service.mjs';

/** Where the worker modules are that call the functions of `functions.mjs`. */
const WORKERS = fileURLToPath(new URL('./workers/', import.meta.url));
const MODULES = { empty: 'empty.mjs', emptyAsync: 'empty-async.mjs', spin: 'spin.mjs' };

/** Runs `body` with a service that has these worker modules. */
export function withLoops(body) {
  return withService({ workersDir: WORKERS, env: NO_SPARE }, body);
}

/**
 * Calls a second of all workers of a group together: by the count of the service, which is exact after a stop, over the
 * time that passed in its workers from `setup` to `teardown`.
 * @param how as of `bareRate`
 */
export async function ourRate(service, { name, argument, workers, seconds }) {
  const group = `bench-${crypto.randomUUID()}`;
  await service.register({ name: group, module: MODULES[name], workers, params: { steps: argument } });
  try {
    await service.start(group);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const { success } = await service.stop(group);
    const { iterations } = (await service.status(group)).totals;
    const times = await loopTimes(service, group);
    if (!success || times.length !== workers)
      throw new Error(`${times.length} of ${workers} loops have ended as they should`);
    const mean = times.reduce((sum, time) => sum + time, 0) / workers;
    return (1000 * iterations) / mean;
  } finally {
    await service.call('DELETE', `/v1/groups/${group}`);
  }
}

/** In milliseconds, as the workers have told it in the log of the group, which has one JSON object a line. */
async function loopTimes(service, group) {
  const log = await (await fetch(`${service.url}/v1/groups/${group}/logs`)).text();
  return log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).fields?.milliseconds)
    .filter((time) => time !== undefined);
}
