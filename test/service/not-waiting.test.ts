import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A service with a group whose workers, once asked, end when the test says so. */
async function lingering(t: TestContext): Promise<{ service: Service; letEnd: () => void }> {
  const service = await startService(t, { flags: ['--rate-limit', '0'] });
  const gate = join(temporaryDirectory(t), 'gate');
  await service.register({
    name: 'a',
    module: 'lingers.mjs',
    params: { until: gate },
    stopGraceSeconds: 3600,
  });
  await service.start('a');
  return { service, letEnd: () => writeFileSync(gate, '') };
}

test('start with wait=false answers at once', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'sleeps.mjs' });
  const { status, body } = await service.call('POST', '/v1/groups/a/start?wait=false');
  assert.deepEqual([status, body.state, body.desired], [202, 'starting', 'running']);
  await service.reaches('a', 'running');
});

test('stop with wait=false answers while workers still run', async (t) => {
  const { service, letEnd } = await lingering(t);
  const { status, body } = await service.call('POST', '/v1/groups/a/stop?wait=false');
  assert.deepEqual([status, body.state, body.desired], [202, 'stopping', 'stopped']);
  const again = service.call('POST', '/v1/groups/a/stop?wait=true');
  letEnd();
  assert.deepEqual(
    [(await again).status, (await again).body.success],
    [200, true],
    'who waits is told the end',
  );
  const rest = await service.call('POST', '/v1/groups/a/stop?wait=false');
  assert.deepEqual([rest.status, rest.body.state], [202, 'stopped'], 'of what is at rest already, too');
});

test('restart with wait=false answers while workers still run', async (t) => {
  const { service, letEnd } = await lingering(t);
  const { pid } = (await service.status('a')).host;
  const { status, body } = await service.call('POST', '/v1/groups/a/restart?wait=false');
  assert.deepEqual([status, body.state, body.desired], [202, 'stopping', 'running']);
  letEnd();
  await until('another host to run', async () => {
    const { state, host } = await service.status('a');
    return (state === 'running' && host.pid !== pid) || undefined;
  });
});

test('a delete with wait=false answers while workers still run, and the group goes by itself', async (t) => {
  const { service, letEnd } = await lingering(t);
  const { status, body } = await service.call('DELETE', '/v1/groups/a?wait=false');
  assert.deepEqual([status, body.name, body.state], [202, 'a', 'stopping']);
  assert.equal((await service.status('a')).state, 'stopping');
  letEnd();
  const gone = async () => ((await service.call('GET', '/v1/groups/a')).status === 404 ? true : undefined);
  await until('the group to be gone', gone);

  await service.register({ name: 'b', module: 'sleeps.mjs' });
  const rest = await service.call('DELETE', '/v1/groups/b?wait=false');
  assert.deepEqual([rest.status, rest.body.name], [202, 'b']);
  assert.equal((await service.call('GET', '/v1/groups/b')).status, 404);
});

test('a change with wait=false answers while workers still run', async (t) => {
  const { service, letEnd } = await lingering(t);
  const fewer = await service.call('PATCH', '/v1/groups/a?wait=false', { workers: 1 });
  assert.deepEqual([fewer.status, fewer.body.spec.workers, fewer.body.state], [202, 1, 'running']);
  const { params } = (await service.status('a')).spec;
  const other = { module: 'sleeps.mjs', workers: 1, params };
  const replaced = await service.call('PUT', '/v1/groups/a?wait=false', other);
  assert.deepEqual([replaced.status, replaced.body.spec.module], [202, 'sleeps.mjs']);
  letEnd();
  await until('it to run with the new spec', async () => {
    const { state, restartPending } = await service.status('a');
    return (state === 'running' && !restartPending) || undefined;
  });
  // Where there is nothing to wait for, the answer is the same as ever.
  const labels = { labels: { a: 'b' } };
  assert.equal((await service.call('PATCH', '/v1/groups/a?wait=false', labels)).status, 200);
  const same = { ...other, ...labels, stopGraceSeconds: 5 };
  assert.equal((await service.call('PUT', '/v1/groups/a?wait=false', same)).status, 200);
  assert.equal((await service.call('PUT', '/v1/groups/c?wait=false', same)).status, 201);
});

test('what is refused at once is refused, whoever waits', async (t) => {
  const service = await startService(t, { flags: ['--max-workers', '2'] });
  await service.register({ name: 'a', module: 'sleeps.mjs', workers: 2 });
  await service.register({ name: 'b', module: 'sleeps.mjs', workers: 2, after: ['a'] });
  const refusals = [
    ['POST', '/v1/groups/nobody/stop', undefined, 'group_not_found'],
    ['POST', '/v1/groups/nobody/restart', undefined, 'group_not_found'],
    ['DELETE', '/v1/groups/nobody', undefined, 'group_not_found'],
    ['POST', '/v1/groups/b/start', undefined, 'dependency_not_running'],
    ['POST', '/v1/groups/b/restart', undefined, 'dependency_not_running'],
    ['PATCH', '/v1/groups/a', { workers: 3 }, 'invalid_request'],
    ['PUT', '/v1/groups/a', { module: 'nowhere.mjs' }, 'module_not_found'],
  ] as const;
  for (const [method, path, body, code] of refusals) {
    const answer = await service.call(method, `${path}?wait=false`, body);
    assert.equal(answer.body.code, code, `${method} ${path}`);
  }
  await service.start('a');
  const full = await service.call('POST', '/v1/groups/b/start?wait=false');
  assert.equal(full.body.code, 'worker_cap_reached');
});

test('commands that nobody waits for are bounded, and there is room again when they have ended', async (t) => {
  const { service, letEnd } = await lingering(t);
  const path = '/v1/groups/a/stop?wait=false';
  const stops = await Promise.all(Array.from({ length: 1_000 }, () => service.call('POST', path)));
  assert.ok(stops.every(({ status }) => status === 202));
  const refused = await service.call('POST', path);
  assert.deepEqual([refused.status, refused.body.code], [503, 'overloaded']);
  assert.match(refused.body.detail, /1000 commands with wait=false are under way/);
  const waits = service.call('POST', '/v1/groups/a/stop');
  letEnd();
  assert.equal((await waits).status, 200, 'who waits is served');
  assert.equal((await service.call('POST', path)).status, 202);
});
