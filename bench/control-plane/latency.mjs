// GET /v1/groups: idle, while two groups of CPU-bound workers keep both cores busy, and while 32 workers in 8 groups
// never return from their call.
import { quantile, row, timed, withService } from './support.mjs';

const REQUESTS = 500;
const ROUNDS = 5;
const SPINNING = { groups: 8, workers: 4, graceSeconds: 1 };

export async function latency() {
  await withService(async (service) => {
    const names = ['burn-a', 'burn-b'];
    for (const name of names) await service.register({ name, module: 'burns.mjs', workers: 2 });
    const spinning = Array.from({ length: SPINNING.groups }, (_, i) => `spin-${i}`);
    const { workers, graceSeconds } = SPINNING;
    for (const name of spinning)
      await service.register({ name, module: 'spin.mjs', workers, stopGraceSeconds: graceSeconds });
    const results = { idle: [], saturated: [], '32 spinning': [] };
    const stops = [];
    for (let round = 0; round < ROUNDS; round++) {
      results.idle.push(await sample(service));
      for (const name of names) await service.start(name);
      results.saturated.push(await sample(service));
      for (const name of names) await service.stop(name);
      for (const name of spinning) await service.start(name);
      results['32 spinning'].push(await sample(service));
      stops.push((await timed(() => service.call('POST', '/v1/stop'))).milliseconds - graceSeconds * 1000);
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
    row('POST /v1/stop, 32 spinning, beyond the grace', stops, 'ms', 1);
  });
}

async function sample(service) {
  const times = [];
  for (let i = 0; i < REQUESTS; i++)
    times.push((await timed(() => service.call('GET', '/v1/groups'))).milliseconds);
  return times;
}
