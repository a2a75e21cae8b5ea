import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Prometheus } from '../support/prometheus.js';
import { requires } from '../support/requires.js';
import { ROOT, startService, until } from '../support/service.js';

/** For all expressions together: a rate needs two scrapes, and the machine may be slow. */
const ANSWER_SECONDS = 60;

interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  datasource?: { type: string; uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; datasource: { uid: string } }[];
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true }).services;
const [datasource] = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')).datasources;
const [provider] = parse(read('deploy/grafana/provisioning/dashboards/parallel-workers.yml')).providers;
const dashboard: { uid: string; panels: Panel[]; templating: { list: Record<string, unknown>[] } } =
  JSON.parse(read('deploy/grafana/dashboards/parallel-workers.json'));
const expressions = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr }) => ({ title, expr })),
);

/** What Grafana does with an expression before it asks Prometheus. */
function interpolated(expr: string): string {
  const text = expr.replaceAll('$__rate_interval', '10s').replaceAll('$group', '.*');
  assert.doesNotMatch(text, /\$/, 'this test does not know that variable');
  return text;
}

test('every expression of the dashboard gives data', requires('prometheus'), async (t) => {
  const service = await startService(t);
  const restart = { policy: 'on-failure', maxRestarts: 1000, backoff: { initialSeconds: 0.1, factor: 1 } };
  const groups = [
    { name: 'ms', module: 'millisecond.mjs' },
    { name: 'fails', module: 'throws.mjs', params: { index: 0, at: 5 }, restart },
    { name: 'feeds', module: 'feeds.mjs', workers: 1, feed: { capacity: 10 } },
  ];
  for (const spec of groups) {
    await service.register(spec);
    await service.call('POST', `/v1/groups/${spec.name}/start?wait=false`);
  }
  await service.reaches('feeds', 'running');
  assert.equal((await service.call('POST', '/v1/groups/feeds/feed/take')).status, 200);

  const prometheus = await Prometheus.start(t, service.url);
  let empty = expressions;
  await until(
    'data for every expression',
    async () => {
      const results = await Promise.all(empty.map(async ({ expr }) => prometheus.query(interpolated(expr))));
      empty = empty.filter((_, i) => !results[i]?.some(({ value }) => Number.isFinite(Number(value[1]))));
      return empty.length === 0 || undefined;
    },
    ANSWER_SECONDS,
  ).catch((error: Error) => {
    const told = empty.map(({ title, expr }) => `${title}: ${expr}`).join('\n');
    throw new Error(`${error.message}; none for\n${told}`);
  });

  await t.test('and the right data', async () => {
    const panel = (title: string, i = 0) => {
      const found = expressions.filter((expression) => expression.title === title)[i];
      assert(found, `there is no panel "${title}"`);
      return interpolated(found.expr);
    };
    const byGroup = async (query: string) =>
      Object.fromEntries(
        (await prometheus.query(query)).map(({ metric, value }) => [metric['group'], Number(value[1])]),
      );
    await service.stop('fails');
    await service.call('POST', '/v1/groups', {
      name: 'broken',
      module: 'throws.mjs',
      params: { index: 0, at: 1 },
    });
    await service.call('POST', '/v1/groups/broken/start');
    await service.reaches('broken', 'failed');
    await prometheus.above(0, 'worker_group_state{group="broken",state="failed"}');
    assert.equal(await prometheus.value(panel('Running groups')), 2);
    assert.equal(await prometheus.value(panel('Groups that should run and do not')), 1);
    assert.equal(await prometheus.value(panel('Workers at work')), 1);
    assert.deepEqual(await byGroup(panel('State')), { ms: 3, fails: 1, feeds: 3, broken: 6 });
    const p99 = await byGroup(panel('Median and p99', 1));
    assert((p99['ms'] ?? 0) > 0.0005, JSON.stringify(p99));
    assert.ok(((await byGroup(panel('Restarts')))['fails'] ?? 0) >= 0);
  });
});

test('the dashboard and what provisions it fit together, and with compose', () => {
  const { ports, volumes, environment } = compose.grafana;
  assert.deepEqual(ports, ['127.0.0.1:3000:3000'], 'on loopback alone');
  assert.equal(environment.GF_AUTH_ANONYMOUS_ORG_ROLE, 'Viewer');
  const target = (source: string) =>
    volumes.map((volume: string) => volume.split(':')).find(([from]: string[]) => from === source)?.[1];
  for (const kind of ['datasources', 'dashboards'])
    assert.equal(
      target(`./deploy/grafana/provisioning/${kind}`),
      `/etc/grafana/provisioning/${kind}`,
      'where Grafana looks',
    );
  assert.equal(target('./deploy/grafana/dashboards'), provider.options.path);
  const home = environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH.replace(
    provider.options.path,
    'deploy/grafana/dashboards',
  );
  assert.ok(existsSync(join(ROOT, home)), home);

  const [, , port] = compose.prometheus.ports[0].split(':');
  assert.equal(datasource.url, `http://prometheus:${port}`);
  const interval = parse(read('deploy/prometheus/prometheus.yml')).global.scrape_interval;
  assert.equal(datasource.jsonData.timeInterval, interval);
  for (const { title, type, datasource: used, targets = [] } of dashboard.panels.filter(
    ({ type }) => type !== 'row',
  ))
    for (const uid of [used?.uid, ...targets.map((target) => target.datasource.uid)])
      assert.equal(uid, datasource.uid, `${type} ${title}`);
});

test('panels have a title, a description and a place of their own', () => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  const taken = new Map<string, string>();
  for (const { title, description = '', gridPos } of panels) {
    assert.ok(title !== '' && description !== '', title);
    const { x, y, w, h } = gridPos;
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++)
      for (let line = y; line < y + h; line++) {
        const place = `${column},${line}`;
        assert.equal(taken.get(place), undefined, `${title} lies over ${taken.get(place)}`);
        taken.set(place, title);
      }
  }
  const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
  for (const question of [/running that should/, /How long/, /fails/, /trainer wait/])
    assert.ok(
      rows.some((title) => question.test(title)),
      `no row answers ${question}`,
    );
});
