import { sparesOf } from '../../dist-test/support/processes.js';
import { until } from '../../dist-test/support/service.js';
import { LEAN, Pm2 } from '../lib/pm2.mjs';
import { withService } from '../lib/service.mjs';
import { PEER, SLEEPERS, WORKER } from '../lib/sleeper/sleeper.mjs';
import { Supervisord } from '../lib/supervisord.mjs';

/** How many hosts the service keeps ready for groups that are started later. */
const WARM_HOSTS = 'PW_WARM_HOSTS';

/**
 * What somebody is to run.
 * @typedef {object} Load
 * @property {string} node Path of the Node to run on.
 * @property {string} presence Path of the FIFO of the workers.
 * @property {{ name: string, workers: number }[]} groups
 */

/**
 * Somebody who runs it.
 * @typedef {object} Keeper
 * @property {number} pid of the process that all others descend from
 * @property {() => Promise<unknown>} start Starts all groups.
 */

/** @param {Load & { warmHosts: number }} load */
export function withOurs({ node, presence, groups, warmHosts }, body) {
  const env = { [WARM_HOSTS]: String(warmHosts) };
  return withService({ node, workersDir: SLEEPERS, env }, async (service) => {
    for (const group of groups) await service.register({ ...group, module: WORKER, params: { presence } });
    if (warmHosts > 0) await until('a host to be kept ready', () => sparesOf(service.pid)[0]);
    return body({
      pid: service.pid,
      start: () => Promise.all(groups.map(({ name }) => service.start(name))),
    });
  });
}

/** @param {Load} load */
export async function withSupervisord({ node, presence, groups }, body) {
  const command = `${node} ${PEER} ${presence}`;
  const programs = groups.map(({ name, workers }) => ({ name, command, processes: workers }));
  const supervisord = await Supervisord.start(programs);
  try {
    return await body({
      pid: supervisord.pid,
      start: () => Promise.all(groups.map(({ name }) => supervisord.startGroup(name))),
    });
  } finally {
    await supervisord.end();
  }
}

/** @param {Load & { lean: boolean }} load whether processes are without pm2's instrumentation */
export async function withPm2({ node, presence, groups, lean }, body) {
  const pm2 = await Pm2.start(node);
  const start = ({ name, workers }) =>
    pm2.start({
      name,
      script: PEER,
      args: [presence],
      interpreter: node,
      exec_mode: 'fork',
      instances: workers,
      ...(lean && LEAN),
    });
  try {
    return await body({ pid: pm2.pid, start: () => Promise.all(groups.map(start)) });
  } finally {
    await pm2.end();
  }
}
