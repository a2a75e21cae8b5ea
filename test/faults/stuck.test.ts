import assert from 'node:assert/strict';
import test from 'node:test';
import { hostsOf, processes } from '../support/processes.js';
import { startService, until } from '../support/service.js';

/** A stop is over this long after the grace at the latest, kill included: the figure of the issue. */
const AFTER_GRACE_SECONDS = 0.5;

test('a worker in while (true) {}: success false, its id under killed, dead after the grace', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'one-spins.mjs', stopGraceSeconds: 0.5 });
  await service.start('a');
  await service.inTheCall('a', 1);
  const report = await service.stop('a');
  assert.equal(report.success, false);
  assert.deepEqual(report.groups[0].killed, [1]);
  assert.match(report.groups[0].reason, /Worker 1 did not stop within the grace of 0.5 s: killed/);
  assert.ok(report.seconds >= 0.5, `it had its grace: ${report.seconds} s`);
  assert.ok(report.seconds < 0.5 + AFTER_GRACE_SECONDS, `the stop took ${report.seconds} s`);
  assert.deepEqual(hostsOf(service.pid), []);
  assert.equal((await service.status('a')).state, 'stopped');
  assert.equal(await service.metric('worker_killed_total{group="a"}'), 1);
  assert.equal((await service.call('GET', '/v1/groups/a')).body.totals.killed, 1);
});

test('a worker in execSync: killed with every process that it started', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'exec-sync.mjs', stopGraceSeconds: 0.2 });
  await service.start('a');
  await service.inTheCall('a', 2);
  await until('both to sit in sleep', () => sleepers(service.pid, 'sleep 60').length >= 2 || undefined);
  const report = await service.stop('a');
  assert.deepEqual([report.success, report.groups[0].killed], [false, [0, 1]]);
  assert.ok(report.seconds < 0.2 + AFTER_GRACE_SECONDS, `the stop took ${report.seconds} s`);
  await until(
    'no process of it to be left',
    () => sleepers(service.pid, 'sleep 60').length === 0 || undefined,
  );
});

test('a process that a worker forgot ends with its group', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'leaves-child.mjs', workers: 1 });
  await service.start('a');
  const [child] = await until('the child', () => {
    const found = sleepers(service.pid, 'sleep 61');
    return found.length === 1 ? found : undefined;
  });
  assert.equal((await service.stop('a')).success, true);
  await until('the child to be gone', () => processes().every(({ pid }) => pid !== child?.pid) || undefined);
});

test('all groups are asked at once: a stuck one costs its own grace and no more', async (t) => {
  const service = await startService(t);
  for (const name of ['a', 'b', 'c'])
    await service.register({ name, module: 'spin.mjs', workers: 1, stopGraceSeconds: 1 });
  await service.call('POST', '/v1/start');
  for (const name of ['a', 'b', 'c']) await service.inTheCall(name, 1);
  const { success, seconds, groups } = (await service.call('POST', '/v1/stop')).body;
  assert.equal(success, false);
  assert.deepEqual(
    groups.map(({ killed }: { killed: number[] }) => killed),
    [[0], [1], [2]],
  );
  assert.ok(seconds < 1 + AFTER_GRACE_SECONDS, `three graces of 1 s together took ${seconds} s`);
});

function sleepers(servicePid: number, command: string) {
  return hostsOf(servicePid).filter((info) => info.command === command);
}
