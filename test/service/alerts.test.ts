import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { Prometheus } from '../support/prometheus.js';
import { requires } from '../support/requires.js';
import { ROOT, startService, until } from '../support/service.js';

const RULES = join(ROOT, 'deploy/prometheus/alerts.yml');
const UNIT_TESTS = join(ROOT, 'test/fixtures/alerts.test.yml');
const EVALUATIONS_SECONDS = 60;

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

const rules: Rule[] = parse(readFileSync(RULES, 'utf8')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}

test('promtool takes the rules, and its unit tests of them pass', requires('promtool'), () => {
  promtool('check', 'rules', RULES);
  promtool('test', 'rules', UNIT_TESTS);
});

test('each alert says how bad it is, what it is and what to do, and is seen firing and silent', () => {
  const seen = new Map<string, { firing: number; silent: number }>();
  for (const { alert_rule_test } of parse(readFileSync(UNIT_TESTS, 'utf8')).tests)
    for (const { alertname, exp_alerts = [] } of alert_rule_test) {
      const { firing, silent } = seen.get(alertname) ?? { firing: 0, silent: 0 };
      const fires = exp_alerts.length > 0;
      seen.set(alertname, { firing: firing + Number(fires), silent: silent + Number(!fires) });
    }
  assert.ok(rules.length >= 6);
  for (const { alert, for: pending, labels, annotations } of rules) {
    assert.match(labels.severity, /^(critical|warning)$/, alert);
    assert.match(pending, /^\d+m$/, alert);
    assert.match(annotations.summary, /\{\{ \$labels\.(group|instance) \}\}/, alert);
    assert.ok(annotations.description.length > 60, alert);
    const { firing = 0, silent = 0 } = seen.get(alert) ?? {};
    assert.ok(firing > 0 && silent > 0, `${alert} is seen firing ${firing} and silent ${silent} times`);
  }
});

test(
  'beside a healthy service a real Prometheus has nothing to tell; of a failed group it has',
  requires('prometheus'),
  async (t) => {
    const service = await startService(t);
    await service.register({ name: 'ms', module: 'millisecond.mjs', restart: { policy: 'on-failure' } });
    await service.register({ name: 'off', module: 'millisecond.mjs' });
    await service.register({ name: 'done', module: 'finishes.mjs', params: { calls: 3 } });
    for (const name of ['ms', 'off', 'done']) await service.start(name);
    await service.stop('off');
    await service.reaches('done', 'completed');
    const prometheus = await Prometheus.start(t, service.url);
    await prometheus.above(0, 'worker_time_seconds_count{group="ms"}');

    /** All rules, once each was evaluated over what was scraped until now. */
    const evaluated = async (): Promise<Record<string, string>[]> => {
      const now = Date.now();
      return until(
        'every rule to be evaluated',
        async () => {
          const { groups = [] } = (await prometheus.get('rules')) ?? {};
          const all = groups.flatMap((group: { rules: { lastEvaluation: string }[] }) => group.rules);
          const late = all.some(
            ({ lastEvaluation }: { lastEvaluation: string }) => Date.parse(lastEvaluation) < now,
          );
          return all.length === 0 || late ? undefined : all;
        },
        EVALUATIONS_SECONDS,
      );
    };
    await evaluated();
    // A scrape that took too long on a busy machine is soon forgotten.
    await until(
      'every alert to be silent',
      async () => (await evaluated()).every(({ state }) => state === 'inactive') || undefined,
      EVALUATIONS_SECONDS,
    );
    assert.deepEqual(
      (await evaluated()).map(({ name, health, lastError }) => [name, health, lastError]),
      rules.map(({ alert }) => [alert, 'ok', undefined]),
    );
    // What the alerts count with is there, or they would be silent for another reason.
    for (const metric of [...new Set(rules.flatMap(({ expr }) => expr.match(/\bworker_\w+/g) ?? []))])
      if (!metric.startsWith('worker_feed_'))
        assert.ok((await prometheus.query(metric)).length > 0, `there is no ${metric}`);

    await service.register({ name: 'broken', module: 'throws.mjs', params: { index: 0, at: 3 } });
    await service.call('POST', '/v1/groups/broken/start');
    await service.reaches('broken', 'failed');
    const alert = await until(
      'an alert',
      async () => {
        const { alerts } = await prometheus.get('alerts');
        return alerts.find(({ labels }: { labels: { group?: string } }) => labels.group === 'broken');
      },
      EVALUATIONS_SECONDS,
    );
    assert.deepEqual(
      [alert.labels.alertname, alert.labels.group, alert.state, alert.annotations.summary],
      ['WorkerGroupFailed', 'broken', 'pending', 'Worker group broken has failed'],
    );
  },
);
