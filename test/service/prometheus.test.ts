import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Prometheus } from '../support/prometheus.js';
import { requires } from '../support/requires.js';
import { ROOT, startService, until } from '../support/service.js';

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

/** For one expression: a rate needs two scrapes, and the machine may be slow. */
const ANSWER_SECONDS = 60;

/** What the README shows, without comments; a line that is indented goes on with the one before it. */
function readmeExpressions(): string[] {
  const [, text = ''] = /^```promql\n(.*?)^```/ms.exec(readFileSync(`${ROOT}README.md`, 'utf8')) ?? [];
  return text
    .trimEnd()
    .replaceAll(/ *#.*$/gm, '')
    .split(/\n(?! )/);
}

test(
  'every expression of the README gives data; the time without waits is less',
  requires('prometheus'),
  async (t) => {
    const service = await startService(t);
    await service.register({ name: 'fed', module: 'feeds.mjs', workers: 1, feed: { capacity: 1 } });
    await service.start('fed');
    const prometheus = await Prometheus.start(t, service.url);
    /** Nothing is taken between two questions, so that nearly all of a call's time is its wait for room. */
    const ask = async (query: string): Promise<number | undefined> => {
      assert.equal((await service.call('POST', '/v1/groups/fed/feed/take')).status, 200);
      const [first] = await prometheus.query(query);
      const value = Number(first?.value[1]);
      return Number.isFinite(value) ? value : undefined;
    };
    const expressions = readmeExpressions();
    assert.ok(expressions.length >= 6, expressions.join('\n'));
    for (const expression of expressions) {
      await ask(expression);
      // A comparison gives nothing as long as all is well; what it compares is there.
      const compared = expression.replace(/ > [\d.]+/, '');
      await until(`data for ${compared}`, () => ask(compared), ANSWER_SECONDS);
    }
    const [net = ''] = expressions.filter((expression) => expression.includes('put_wait'));
    const [mean = ''] = expressions.filter((expression) => /^rate\(worker_time_seconds_sum/.test(expression));
    await until(
      'the mean time without waits to be less than half of that with them',
      async () => {
        const [without, all] = [await ask(net), await ask(mean)];
        return (without !== undefined && all !== undefined && without < all / 2) || undefined;
      },
      ANSWER_SECONDS,
    );
  },
);

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
