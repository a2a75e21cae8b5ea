import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { NO_COVERAGE, newSeed, numbersFrom, scaled } from '../support/chance.js';
import { descriptorsOf, hostsOf, processes, zombiesOf } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { ITERATES, workersDir } from '../support/workers-dir.js';

const KILLS = scaled(1500);
/** So many kills can be under way at once. */
const AT_ONCE = 3;
/** From scrape to scrape. */
const SCRAPE_MS = 50;

const GROUPS = [
  { name: 'one-worker', workers: 1, scope: 'worker' },
  { name: 'two-workers', workers: 2, scope: 'worker' },
  { name: 'one-group', workers: 1, scope: 'group' },
  { name: 'another-group', workers: 1, scope: 'group' },
];

const AT_REST_OR_UP = new Set(['running', 'failed', 'stopped', 'completed']);

interface WorkerStatus {
  id: number;
  index: number;
}

function seedOf(t: TestContext): number {
  const seed = newSeed();
  t.diagnostic(`PW_TEST_SEED=${seed} makes the same choices again`);
  return seed;
}

/** What may only grow, by its series. */
function counted(metrics: string): Map<string, number> {
  const lines = metrics
    .split('\n')
    .filter((line) => /^worker_(time_seconds_count|iterations_total|restarts_total)\{/.test(line));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(' ')),
      Number(line.slice(line.lastIndexOf(' ') + 1)),
    ]),
  );
}

/** Scrapes until `done`; every series stays, and none goes back. Hands over each scrape; returns how many there were. */
async function scrapeUntil(
  service: Service,
  done: () => boolean,
  scraped: (values: ReadonlyMap<string, number>) => void,
): Promise<number> {
  let before = counted(await service.metrics());
  let scrapes = 1;
  while (!done()) {
    const now = counted(await service.metrics());
    for (const [series, value] of before) {
      const next = now.get(series);
      assert.ok(next !== undefined && next >= value, `${series} went from ${value} to ${next}`);
    }
    assert.equal((await service.call('GET', '/livez')).status, 200);
    scraped(now);
    before = now;
    scrapes++;
    await new Promise((resolve) => setTimeout(resolve, SCRAPE_MS));
  }
  return scrapes;
}

const places = (workers: WorkerStatus[]) => workers.map(({ id, index }) => [id, index]);

test(`${KILLS} hosts are killed, and each group comes back every time with its workers and counts`, async (t) => {
  const random = numbersFrom(seedOf(t));
  const service = await startService(t, {
    workersDir: workersDir(t, { 'iterates.mjs': ITERATES }),
    env: NO_COVERAGE,
  });
  const own = new Map<string, number[][]>();
  for (const { name, workers, scope } of GROUPS) {
    const backoff = { initialSeconds: 0, factor: 1, maxSeconds: 0, jitter: 0 };
    const restart = { policy: 'always', scope, maxRestarts: 10_000, backoff };
    const registered = await service.register({ name, module: 'iterates.mjs', workers, restart });
    own.set(name, places(registered.workers));
  }
  const started = await service.call('POST', '/v1/start');
  assert.equal(started.body.success, true);
  await until(
    'the log to say that all run',
    () => service.log.filter(({ to }) => to === 'running').length === GROUPS.length || undefined,
  );
  const descriptors = descriptorsOf(service.pid);

  const pids = new Set<number>();
  const idle = GROUPS.map(({ name }) => name);
  let kills = 0;
  let seen: ReadonlyMap<string, number> = new Map();
  /** Kills the host of one group after the other, each once it runs and has made calls. */
  const kill = async () => {
    while (kills < KILLS) {
      kills++;
      const [name = ''] = idle.splice(Math.floor(random() * idle.length), 1);
      const before = await service.status(name);
      assert.equal(before.state, 'running', `${name}: ${before.reason}`);
      const { pid } = before.host;
      pids.add(pid);
      const logged = service.log.length;
      process.kill(pid, 'SIGKILL');
      // The log, which is here already, is asked instead of the service: that leaves the machine to the restarts.
      const came = await until(`${name} to be running or failed after kill ${kills}`, () =>
        service.log.slice(logged).find(({ group, to }) => group === name && AT_REST_OR_UP.has(String(to))),
      );
      assert.equal(came['to'], 'running', `${name}: ${came['reason']}`);
      const after = await service.status(name);
      assert.deepEqual([after.state, after.host.pid === pid], ['running', false], name);
      const calls = `worker_time_seconds_count{group="${name}"}`;
      await until(
        `${name} to make calls after kill ${kills}`,
        () => (seen.get(calls) ?? 0) > before.totals.iterations || undefined,
      );
      assert.deepEqual(places(after.workers), own.get(name), name);
      assert.equal(after.failures.at(-1).kind, 'host');
      assert.equal(pids.has(after.host.pid), false, 'a new process');
      idle.push(name);
    }
  };
  let over = false;
  const killing = Promise.all(Array.from({ length: AT_ONCE }, kill)).finally(() => {
    over = true;
  });
  const [scrapes] = await Promise.all([
    scrapeUntil(
      service,
      () => over,
      (values) => {
        seen = values;
      },
    ),
    killing,
  ]);
  assert.ok(scrapes >= 20, `only ${scrapes} scrapes`);

  const totals = [...counted(await service.metrics())].filter(([series]) =>
    series.startsWith('worker_restarts'),
  );
  const sum = (host: boolean) =>
    totals
      .filter(([series]) => series.includes('reason="host"') === host)
      .reduce((all, [, value]) => all + value, 0);
  assert.deepEqual(
    [sum(true), sum(false)],
    [KILLS, 0],
    'restarts after the death of a host, and after others',
  );

  const present: number[] = [];
  for (const { name } of GROUPS) {
    const { state, host, workers } = await service.status(name);
    assert.deepEqual([state, places(workers)], ['running', own.get(name)]);
    present.push(host.pid);
  }
  assert.equal(pids.size, KILLS, 'each kill met a process of its own');
  await until(
    'every host that was killed to be gone',
    () => processes().every(({ pid }) => !pids.has(pid)) || undefined,
  );
  assert.deepEqual(
    hostsOf(service.pid)
      .map(({ pid }) => pid)
      .sort((a, b) => a - b),
    present.sort((a, b) => a - b),
  );
  await until('every dead host to be reaped', () => zombiesOf(service.pid).length === 0 || undefined);
  const more = descriptorsOf(service.pid) - descriptors;
  assert.ok(more < 20, `the service has ${more} descriptors more than before`);

  const stopped = await service.call('POST', '/v1/stop');
  assert.equal(stopped.body.success, true, JSON.stringify(stopped.body));
  assert.deepEqual([hostsOf(service.pid), zombiesOf(service.pid)], [[], []]);
  assert.equal(await service.end(), 0);
});
