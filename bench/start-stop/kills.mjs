import { withService } from '../lib/service.mjs';
import { timed } from '../lib/timed.mjs';

const WORKERS = 2;
const GRACE_SECONDS = 0.2;

/** Modules of the tests whose workers hear nothing of a stop, by name of their group. */
const DEAF = { spin: 'while (true) {}', 'exec-sync': "execSync('sleep 60')" };

/** How long workers that never return from their call take to be dead, once their grace is over. */
export function compareKills(bench) {
  return withService({}, async (service) => {
    for (const name of Object.keys(DEAF)) {
      await service.register({
        name,
        module: `${name}.mjs`,
        workers: WORKERS,
        stopGraceSeconds: GRACE_SECONDS,
      });
    }
    await bench.compare({
      id: 'kill',
      title: `Stop of ${WORKERS} workers that never return from their call`,
      about: `After the grace of ${GRACE_SECONDS} s they are killed. By the answer to the stop, which comes when all are dead.`,
      metrics: [
        { key: 'killed', name: 'from the end of the grace until all are dead', unit: 'ms', better: 'lower' },
      ],
      warmUp: true,
      contenders: Object.entries(DEAF).map(([id, name]) => ({
        id,
        name,
        ours: true,
        measure: () => kill(service, id),
      })),
    });
  });
}

async function kill(service, name) {
  // Of what earlier rounds have told, nothing is waited for.
  service.log.length = 0;
  await service.start(name);
  await service.inTheCall(name, WORKERS);
  const { milliseconds, result } = await timed(() => service.stop(name));
  const { killed } = result.groups[0];
  if (killed.length !== WORKERS) throw new Error(`${killed.length} of ${WORKERS} workers had to be killed`);
  return milliseconds - GRACE_SECONDS * 1000;
}
