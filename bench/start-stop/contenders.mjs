import { sparesOf } from '../../dist-test/support/processes.js';
import { until } from '../../dist-test/support/service.js';
import { LEAN, Pm2 } from '../lib/pm2.mjs';
import { Presence } from '../lib/presence.mjs';
import { withService } from '../lib/service.mjs';
import { PEER, SLEEPERS, WORKER } from '../lib/sleeper/sleeper.mjs';
import { Supervisord, supervisordMissing } from '../lib/supervisord.mjs';

/** How many hosts the service keeps ready for groups that are started later. */
export const WARM_HOSTS = 'PW_WARM_HOSTS';

/** What a host that has been started takes until its threads are up: nothing tells when they are. */
const WARM_UP_MS = 500;

/**
 * Whoever starts and stops workers.
 * @typedef {object} Starter
 * @property {Presence} presence Where its workers tell that they are there.
 * @property {(workers: number) => Promise<unknown>} start
 * @property {(workers: number) => Promise<unknown>} stop
 * @property {() => Promise<void>} [rest] What it needs between a stop and the next start.
 */

/** @param {{ warm: boolean, sizes: number[] }} options */
export async function withOurs({ warm, sizes }, body) {
  await withPresence((presence) =>
    withService({ workersDir: SLEEPERS, env: { [WARM_HOSTS]: warm ? '1' : '0' } }, async (service) => {
      for (const workers of sizes) {
        await service.register({
          name: groupOf(workers),
          module: WORKER,
          workers,
          params: { presence: presence.path },
        });
      }
      await body({
        presence,
        start: (workers) => service.start(groupOf(workers)),
        stop: (workers) => service.stop(groupOf(workers)),
        ...(warm && {
          rest: async () => {
            await until('a host to be kept ready', () => sparesOf(service.pid).length > 0 || undefined);
            await pause(WARM_UP_MS);
          },
        }),
      });
    }),
  );
}

/** Without a supervisord on this machine the body gets none. */
export async function withSupervisord({ sizes }, body) {
  if (supervisordMissing) return body();
  await withPresence(async (presence) => {
    const supervisord = await Supervisord.start(
      sizes.map((processes) => ({
        name: groupOf(processes),
        command: `${process.execPath} ${PEER} ${presence.path}`,
        processes,
      })),
    );
    try {
      await body({
        presence,
        start: (workers) => supervisord.startGroup(groupOf(workers)),
        stop: (workers) => supervisord.stopGroup(groupOf(workers)),
      });
    } finally {
      await supervisord.end();
    }
  });
}

export async function withPm2(body) {
  await withPresence(async (presence) => {
    const pm2 = await Pm2.start();
    try {
      await body({
        presence,
        start: (instances) =>
          pm2.start({
            name: groupOf(instances),
            script: PEER,
            args: [presence.path],
            exec_mode: 'fork',
            instances,
            ...LEAN,
          }),
        stop: (instances) => pm2.delete(groupOf(instances)),
      });
    } finally {
      await pm2.end();
    }
  });
}

export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function withPresence(body) {
  const presence = new Presence();
  try {
    await body(presence);
  } finally {
    presence.close();
  }
}

function groupOf(workers) {
  return `sleepers-${workers}`;
}
