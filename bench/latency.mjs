// GET /v1/groups, idle and while two groups of CPU-bound workers keep both cores busy.
import { quantile, row, timed, withService } from './support.mjs';

const REQUESTS = 500;
const ROUNDS = 5;

export async function latency() {
  await withService(async (service) => {
    const names = ['burn-a', 'burn-b'];
    for (const name of names) await service.register({ name, module: 'burns.mjs', workers: 2 });
    const results = { idle: [], saturated: [] };
    for (let round = 0; round < ROUNDS; round++) {
      results.idle.push(await sample(service));
      for (const name of names) await service.start(name);
      results.saturated.push(await sample(service));
      for (const name of names) await service.stop(name);
    }
    for (const [when, rounds] of Object.entries(results)) {
      for (const q of [0.5, 0.99]) {
        row(
          `GET /v1/groups, ${when}, p${q * 100} of ${REQUESTS}`,
          rounds.map((round) => quantile(round, q)),
          'ms',
          1,
        );
      }
    }
  });
}

async function sample(service) {
  const times = [];
  for (let i = 0; i < REQUESTS; i++)
    times.push((await timed(() => service.call('GET', '/v1/groups'))).milliseconds);
  return times;
}
