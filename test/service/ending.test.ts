import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { hostsOf, isAlive } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';

/** Modules that tell when they are in the call that they never leave. */
const STUCK = ['spin.mjs', 'exec-sync.mjs'];

async function withGroups(
  t: TestContext,
  modules: string[],
  flags: string[] = [],
): Promise<{ service: Service; hosts: number[] }> {
  const service = await startService(t, { flags });
  for (const [i, module] of modules.entries()) {
    await service.register({ name: `g${i}`, module, stopGraceSeconds: 30 });
    await service.start(`g${i}`);
    if (STUCK.includes(module)) await service.inTheCall(`g${i}`, 2);
  }
  const hosts = hostsOf(service.pid).map(({ pid }) => pid);
  assert.ok(hosts.length >= modules.length);
  return { service, hosts };
}

const allGone = (pids: number[]) =>
  until('every process of the groups to be gone', () => pids.every((pid) => !isAlive(pid)) || undefined);

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal}: the groups stop, then the service exits with 0`, async (t) => {
    const { service, hosts } = await withGroups(t, ['millisecond.mjs', 'empty.mjs']);
    assert.equal(await service.end(signal), 0);
    assert.deepEqual(hosts.filter(isAlive), []);
    assert.ok(service.log.some(({ msg, success }) => msg === 'all groups have ended' && success === true));
  });
}

test('a stuck group is killed when the service has no more time', async (t) => {
  // A second of these is left for the answers, and two more before the process would be ended with 1.
  const flags = ['--shutdown-seconds', '5'];
  const { service, hosts } = await withGroups(t, ['spin.mjs', 'millisecond.mjs'], flags);
  assert.equal(await service.end(), 0);
  assert.deepEqual(hosts.filter(isAlive), []);
});

test('the time to shut down holds for all of it, whatever grace the groups have', async (t) => {
  const { service, hosts } = await withGroups(t, ['exec-sync.mjs'], ['--shutdown-seconds', '3']);
  const startedAt = performance.now();
  assert.equal(await service.end(), 0);
  const seconds = (performance.now() - startedAt) / 1000;
  // Most of it was the group's. A machine that others use as well takes its time for the end, but not a grace of 30 s.
  assert.ok(seconds > 2 && seconds < 20, `it took ${seconds.toFixed(1)} s`);
  assert.deepEqual(hosts.filter(isAlive), []);
});

test('while it shuts down it is alive, not ready, and takes no commands', async (t) => {
  const { service } = await withGroups(t, ['spin.mjs']);
  service.process.kill('SIGTERM');
  await until('it to be unready', async () =>
    (await service.call('GET', '/readyz')).status === 503 ? true : undefined,
  );
  assert.equal((await service.call('GET', '/livez')).status, 200);
  const refused = await service.call('POST', '/v1/groups', { name: 'late', module: 'empty.mjs' });
  assert.deepEqual([refused.status, refused.body.code], [503, 'shutting_down']);
  assert.equal((await service.call('POST', '/v1/groups/g0/start')).body.code, 'shutting_down');
});

test('a second signal ends everything at once', async (t) => {
  const { service, hosts } = await withGroups(t, ['spin.mjs', 'exec-sync.mjs']);
  service.process.kill('SIGTERM');
  await until(
    'the shutdown to begin',
    () => service.log.some(({ msg }) => msg === 'SIGTERM: shutting down') || undefined,
  );
  await service.end('SIGTERM');
  await allGone(hosts);
});

test('SIGKILL of the service leaves no orphan, whatever its workers are at', async (t) => {
  const { service } = await withGroups(t, [
    'spin.mjs',
    'exec-sync.mjs',
    'millisecond.mjs',
    'leaves-child.mjs',
  ]);
  const all = await until('the children of the workers', () => {
    const found = hostsOf(service.pid);
    const sleepers = found.filter(({ command }) => command === 'sleep 60' || command === 'sleep 61');
    return sleepers.length === 4 ? found.map(({ pid }) => pid) : undefined;
  });
  await service.end('SIGKILL');
  await allGone(all);
});

test('SIGKILL of the service while groups are being started leaves no orphan', async (t) => {
  const service = await startService(t);
  for (const name of ['a', 'b', 'c']) await service.register({ name, module: 'millisecond.mjs' });
  void service.call('POST', '/v1/start').catch(() => {});
  const hosts = await until('the first host', () => {
    const found = hostsOf(service.pid).map(({ pid }) => pid);
    return found.length > 0 ? found : undefined;
  });
  await service.end('SIGKILL');
  await allGone(hosts);
});
