import assert from 'node:assert/strict';
import test from 'node:test';
import { type Service, startService, until } from '../support/service.js';

/** Every sample of a text of /metrics, by its name and labels as they are written there. */
type Samples = ReadonlyMap<string, number>;

async function scrape(service: Service): Promise<Samples> {
  const lines = (await service.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

function value(samples: Samples, series: string): number {
  const found = samples.get(series);
  assert.ok(found !== undefined, `there is no ${series} among\n${[...samples.keys()].join('\n')}`);
  return found;
}

/** Upper bounds and cumulative counts of the group's histogram, in the order of the text. */
function buckets(samples: Samples, group: string): [le: string, count: number][] {
  return [...samples].flatMap(([series, count]) => {
    const [, of, le] = /^worker_time_seconds_bucket\{group="(.*)",le="(.*)"\}$/.exec(series) ?? [];
    return of === group && le !== undefined ? [[le, count]] : [];
  });
}

test('the histogram has the bounds of the spec, and calls of 2 ms are where they belong', async (t) => {
  const service = await startService(t);
  await service.register({
    name: 'a',
    module: 'two-milliseconds.mjs',
    workers: 1,
    params: { calls: 100 },
    buckets: [0.0005, 1],
  });
  const bounds = async () => buckets(await scrape(service), 'a').map(([le]) => le);
  assert.deepEqual(await bounds(), ['0.0005', '1', '+Inf'], 'before the first start');
  await service.start('a');
  await service.reaches('a', 'completed');

  const samples = await scrape(service);
  const found = buckets(samples, 'a');
  assert.deepEqual(
    found.map(([le]) => le),
    ['0.0005', '1', '+Inf'],
  );
  const [short, , all] = found.map(([, count]) => count);
  assert.deepEqual([short, all], [0, 100], 'none of 100 calls took half a millisecond');
  const counts = found.map(([, count]) => count);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
    'buckets are cumulative',
  );
  assert.equal(value(samples, 'worker_time_seconds_count{group="a"}'), 100);
  const sum = value(samples, 'worker_time_seconds_sum{group="a"}');
  assert.ok(sum >= 100 * 0.002 && sum < 100 * 0.2, `100 calls of 2 ms took ${sum} s`);
  const { totals } = await service.status('a');
  assert.deepEqual([totals.iterations, totals.workerTimeSeconds], [100, sum], 'the status says the same');
});

test('what a worker has done is in the next scrape, while its group runs', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'two-milliseconds.mjs', params: { calls: 70 } });
  await service.start('a');
  const told = await until('worker 1 to have done 200 calls', () =>
    service.log
      .filter(({ msg, workerId }) => msg === 'calls done' && workerId === 1)
      .map(({ fields }) => (fields as { calls: number }).calls)
      .find((calls) => calls >= 200),
  );
  const first = await scrape(service);
  const done = value(first, 'worker_iterations_total{group="a",worker="1",result="ok"}');
  assert.ok(done >= told, `worker 1 has told of ${told} calls, the scrape after that of ${done}`);
  await until('worker 0 to finish', async () =>
    (await service.status('a')).workers[0].state === 'completed' ? true : undefined,
  );

  const samples = await scrape(service);
  const ok = (worker: number) => `worker_iterations_total{group="a",worker="${worker}",result="ok"}`;
  assert.equal(value(samples, 'worker_group_state{group="a",state="running"}'), 1);
  assert.equal(value(samples, ok(0)), 70, 'worker 0 has finished in call 70');
  assert.equal(
    value(samples, 'worker_time_seconds_count{group="a"}'),
    value(samples, ok(0)) + value(samples, ok(1)),
    'histogram and counters are of the same moment',
  );
  for (const worker of [0, 1]) {
    assert.equal(value(samples, `worker_iterations_total{group="a",worker="${worker}",result="error"}`), 0);
    const series = `worker_last_progress_timestamp_seconds{group="a",worker="${worker}"}`;
    const age = Date.now() / 1000 - value(samples, series);
    assert.ok(Math.abs(age) < 60, `${series} is ${age} s ago`);
  }
  assert.ok(value(samples, 'worker_group_cpu_seconds_total{group="a"}') > 0.1, 'it has kept a core busy');
  assert.ok(value(samples, 'worker_group_memory_bytes{group="a"}') > 1e7);
  assert.ok(value(samples, 'worker_group_workers{group="a",state="running"}') === 1);
});

test('no counter goes back over stop, start and PUT with other buckets and workers', async (t) => {
  const service = await startService(t);
  const module = 'two-milliseconds.mjs';
  const steps: [what: string, step: () => Promise<unknown>][] = [
    ['start', () => service.start('a')],
    ['stop', () => service.stop('a')],
    ['start again', () => service.start('a')],
    ['restart', () => service.call('POST', '/v1/groups/a/restart')],
    ['other buckets', () => service.call('PUT', '/v1/groups/a', { module, buckets: [0.001, 0.5, 1] })],
    ['fewer workers', () => service.call('PUT', '/v1/groups/a', { module, workers: 1, buckets: [1, 2] })],
    ['more workers', () => service.call('PUT', '/v1/groups/a', { module, workers: 3, buckets: [0.0005, 1] })],
    ['the last stop', () => service.stop('a')],
  ];
  await service.register({ name: 'a', module, buckets: [0.0005, 1] });
  // These are there from the registration to the end; those of workers 1 and up, and of other bounds, come and go.
  const watched = [
    'worker_time_seconds_count{group="a"}',
    'worker_time_seconds_sum{group="a"}',
    'worker_time_seconds_bucket{group="a",le="1"}',
    'worker_time_seconds_bucket{group="a",le="+Inf"}',
    'worker_iterations_total{group="a",worker="0",result="ok"}',
    'worker_iterations_total{group="a",worker="0",result="error"}',
    'worker_killed_total{group="a"}',
    'worker_group_cpu_seconds_total{group="a"}',
  ];
  let step = 'the registration';
  let over = false;
  const watch = async () => {
    let before = await scrape(service);
    while (!over) {
      const during = step;
      const now = await scrape(service);
      for (const series of watched) {
        const [was, is] = [value(before, series), value(now, series)];
        assert.ok(is >= was, `${series} went back from ${was} to ${is} in ${during}`);
      }
      before = now;
    }
    return before;
  };
  const [last] = await Promise.all([
    watch(),
    (async () => {
      try {
        for (const [what, act] of steps) {
          step = what;
          await act();
          const status = await service.status('a');
          if (status.state !== 'running') continue;
          await until(`calls to be counted after ${what}`, async () =>
            (await service.status('a')).totals.iterations > status.totals.iterations + 20 ? true : undefined,
          );
        }
      } finally {
        over = true;
      }
    })(),
  ]);
  const { totals, state } = await service.status('a');
  assert.equal(state, 'stopped');
  const final = await scrape(service);
  assert.equal(value(final, 'worker_time_seconds_count{group="a"}'), totals.iterations);
  assert.ok(totals.iterations > 100);
  for (const series of watched) assert.ok(value(final, series) >= value(last, series), series);
  assert.deepEqual(
    buckets(final, 'a').map(([le]) => le),
    ['0.0005', '1', '+Inf'],
  );
});
