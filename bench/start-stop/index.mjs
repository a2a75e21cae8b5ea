// From the HTTP call to its answer: start until every worker is in its loop, stop until every one is dead.
import { row, timed, withService } from './support.mjs';

const ROUNDS = 20;
const GRACE_SECONDS = 0.2;

export async function startStop() {
  await withService(async (service) => {
    const groups = {
      millisecond: 'iterations of 1 ms',
      spin: 'while (true) {}',
      'exec-sync': "execSync('sleep 60')",
    };
    for (const name of Object.keys(groups)) {
      await service.register({ name, module: `${name}.mjs`, workers: 2, stopGraceSeconds: GRACE_SECONDS });
    }
    for (const [name, what] of Object.entries(groups)) {
      const starts = [];
      const stops = [];
      for (let round = 0; round < ROUNDS; round++) {
        starts.push((await timed(() => service.start(name))).milliseconds);
        const { milliseconds, result } = await timed(() => service.stop(name));
        const killed = result.groups[0].killed.length > 0;
        stops.push(killed ? milliseconds - GRACE_SECONDS * 1000 : milliseconds);
      }
      row(`start of 2 workers, ${what}`, starts, 'ms', 1);
      row(`stop of 2 workers, ${what}${name === 'millisecond' ? '' : ', beyond the grace'}`, stops, 'ms', 1);
    }
  });
}
