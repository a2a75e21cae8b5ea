import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { requires } from '../support/requires.js';
import { answer, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Prometheus looks at its targets for the first time after 5 s; the rest is for a slow machine. */
const ANSWER_SECONDS = 60;

/** A Prometheus that scrapes the service, for the length of the test. */
class Prometheus {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  static async start(t: TestContext, serviceUrl: string): Promise<Prometheus> {
    let end = async () => {};
    t.after(() => end()); // Registered first and so run first: it still writes into its directory.
    const directory = temporaryDirectory(t);
    const config = join(directory, 'prometheus.yml');
    const targets = [new URL(serviceUrl).host];
    writeFileSync(
      config,
      // JSON is YAML.
      JSON.stringify({
        global: { scrape_interval: '500ms', scrape_timeout: '500ms' },
        scrape_configs: [{ job_name: 'parallel-workers', static_configs: [{ targets }] }],
      }),
    );
    const flags = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ];
    const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    end = async () => {
      const exited = once(child, 'exit');
      if (child.kill('SIGKILL')) await exited;
    };
    const log: string[] = [];
    const address = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`prometheus ended with ${code}:\n${log.join('\n')}`)));
      createInterface({ input: child.stderr }).on('line', (line) => {
        log.push(line);
        const [, found] = /msg="Listening on".* address=(\S+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    return new Prometheus(`http://${address}`);
  }

  /** The value of a query whose answer is one series; undefined as long as there is none, or it is not a number. */
  async value(query: string): Promise<number | undefined> {
    const { status, body } = await answer(
      await fetch(`${this.#url}/api/v1/query?${new URLSearchParams({ query })}`),
    );
    if (status === 503) return undefined; // It listens before it has read its storage.
    assert.equal(status, 200, JSON.stringify(body));
    const { result } = body.data;
    assert(result.length <= 1, `${query} gave more than one series: ${JSON.stringify(result)}`);
    const value = Number(result[0]?.value[1]);
    return Number.isNaN(value) ? undefined : value;
  }

  /** Waits until the query's value is above a bound, and returns it. */
  async above(bound: number, query: string): Promise<number> {
    return until(
      `Prometheus to answer ${query} with more than ${bound}`,
      async () => {
        const value = await this.value(query);
        return value !== undefined && value > bound ? value : undefined;
      },
      ANSWER_SECONDS,
    );
  }
}

test('Prometheus scrapes the service and answers queries', requires('prometheus'), async (t) => {
  const service = await startService(t);
  await service.register({ name: 'ms', module: 'millisecond.mjs' });
  await service.start('ms');
  const prometheus = await Prometheus.start(t, service.url);

  const count = await prometheus.above(0, 'worker_time_seconds_count{group="ms"}');
  await prometheus.above(count, 'worker_time_seconds_count{group="ms"}');
  await prometheus.above(0, 'up');
  await prometheus.above(0, 'rate(worker_time_seconds_count{group="ms"}[10s])');
  // One iteration sleeps for a millisecond; how much longer it takes is the machine's affair.
  const buckets = 'rate(worker_time_seconds_bucket{group="ms"}[10s])';
  await prometheus.above(0.0005, `histogram_quantile(0.5, ${buckets})`);
  await prometheus.above(0, 'worker_group_state{group="ms",state="running"}');
});

test('promtool has nothing to say against the metrics', requires('promtool'), async (t) => {
  const service = await startService(t);
  const groups = [
    { name: 'new', module: 'millisecond.mjs', state: 'registered' },
    { name: 'busy', module: 'millisecond.mjs', state: 'running' },
    { name: 'ended', module: 'millisecond.mjs', state: 'running' },
    { name: 'broken', module: 'throws.mjs', params: { index: 0, at: 3 }, state: 'failed' },
    { name: 'done', module: 'finishes.mjs', params: { calls: 3 }, state: 'completed' },
  ];
  for (const { state, ...spec } of groups) {
    await service.register(spec);
    // Whether the start of a group that fails at once is a success is not the matter here.
    if (state !== 'registered') await service.call('POST', `/v1/groups/${spec.name}/start`);
    await service.reaches(spec.name, state);
  }
  await service.stop('ended');
  await service.reaches('ended', 'stopped');

  const input = await service.metrics();
  for (const { name } of groups) assert(input.includes(`{group="${name}"`), `no metrics of ${name}`);
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
});
