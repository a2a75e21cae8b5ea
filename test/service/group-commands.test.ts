import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { isAlive } from '../support/processes.js';
import { type Answer, type Service, startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';

const ids = ({ body }: Answer): number[] => body.workers.map(({ id }: { id: number }) => id);
const put = (service: Service, name: string, spec: Record<string, unknown>) =>
  service.call('PUT', `/v1/groups/${name}`, spec);

/** The `params` that the workers of the group with this host have told of, one for each worker. */
async function toldParams(service: Service, count: number): Promise<unknown[]> {
  return until(`${count} workers to tell their context`, () => {
    const told = service.log.filter(({ msg }) => msg === 'context');
    return told.length >= count
      ? told.map(({ fields }) => (fields as { params: unknown }).params)
      : undefined;
  });
}

test('PUT of a new group registers it: 201 with its place; it does not run', async (t) => {
  const service = await startService(t);
  const created = await put(service, 'a', { module: 'millisecond.mjs', workers: 3 });
  assert.deepEqual([created.status, created.headers.get('location')], [201, '/v1/groups/a']);
  const { name, state, desired, host, restartPending } = created.body;
  assert.deepEqual(
    { name, state, desired, host, restartPending },
    { name: 'a', state: 'registered', desired: 'stopped', host: null, restartPending: false },
  );
  assert.deepEqual(ids(created), [0, 1, 2]);

  const replaced = await put(service, 'a', { name: 'a', module: 'empty.mjs', workers: 2 });
  assert.deepEqual([replaced.status, replaced.headers.get('location')], [200, null]);
  assert.deepEqual(
    [replaced.body.state, replaced.body.spec.module, ids(replaced)],
    ['registered', 'empty.mjs', [0, 1]],
  );
});

test('PUT of a running group restarts it with the new spec; workers keep their ids by index', async (t) => {
  const service = await startService(t);
  const module = 'tells-context.mjs';
  await put(service, 'a', { module, params: { version: 1 } });
  const { host } = await service.start('a');
  assert.deepEqual(await toldParams(service, 2), [{ version: 1 }, { version: 1 }]);

  const same = await put(service, 'a', { module, params: { version: 1 } });
  assert.deepEqual([same.status, same.body.state, same.body.host.pid], [200, 'running', host.pid]);

  const more = await put(service, 'a', { module, workers: 3, params: { version: 2 } });
  assert.deepEqual([more.status, more.body.state, more.body.desired], [200, 'running', 'running']);
  assert.notEqual(more.body.host.pid, host.pid, 'a new host');
  assert.equal(isAlive(host.pid), false, 'and the old one is gone');
  assert.deepEqual([ids(more), more.body.restartPending], [[0, 1, 2], false]);
  assert.deepEqual((await toldParams(service, 5)).slice(2), [{ version: 2 }, { version: 2 }, { version: 2 }]);

  assert.deepEqual(ids(await put(service, 'a', { module, workers: 1 })), [0]);
  assert.deepEqual(
    ids(await put(service, 'a', { module, workers: 2 })),
    [0, 3],
    'an id that was given up is never used again',
  );
  assert.equal((await service.stop('a')).success, true);
});

test('PUT starts a group that should run and has failed, but none that was stopped', async (t) => {
  const service = await startService(t);
  const journal = join(temporaryDirectory(t), 'journal');
  const module = 'journal.mjs';
  await put(service, 'a', { module, params: { journal, fails: 'init' } });
  assert.equal((await service.call('POST', '/v1/groups/a/start')).body.code, 'init_failed');
  const failed = await service.status('a');
  assert.deepEqual([failed.state, failed.desired, failed.host], ['failed', 'running', null]);
  const mended = await put(service, 'a', { module, params: { journal } });
  assert.deepEqual(
    [mended.status, mended.body.state, mended.body.reason],
    [200, 'running', null],
    'it runs with the mended spec',
  );

  await service.stop('a');
  const stopped = await put(service, 'a', { module, params: { journal }, workers: 1 });
  assert.deepEqual(
    [stopped.status, stopped.body.state, stopped.body.desired, stopped.body.host],
    [200, 'stopped', 'stopped', null],
  );
});

test('PATCH takes effect at the next start, and the status says that it waits', async (t) => {
  const service = await startService(t);
  await put(service, 'a', { module: 'tells-context.mjs', workers: 1, params: { version: 1 } });
  const { host } = await service.start('a');
  assert.deepEqual(await toldParams(service, 1), [{ version: 1 }]);

  const patch = { params: { version: 2 }, stopGraceSeconds: 7 };
  const patched = await service.call('PATCH', '/v1/groups/a', patch);
  assert.equal(patched.status, 200);
  assert.deepEqual(
    [patched.body.state, patched.body.host.pid, patched.body.restartPending],
    ['running', host.pid, true],
  );
  assert.deepEqual([patched.body.spec.params, patched.body.spec.stopGraceSeconds], [{ version: 2 }, 7]);
  assert.equal(patched.body.spec.module, 'tells-context.mjs', 'what is not named stays');
  assert.equal((await service.status('a')).restartPending, true);

  const restarted = await service.call('POST', '/v1/groups/a/restart');
  assert.deepEqual(
    [restarted.status, restarted.body.state, restarted.body.restartPending],
    [200, 'running', false],
  );
  assert.notEqual(restarted.body.host.pid, host.pid);
  assert.deepEqual((await toldParams(service, 2))[1], { version: 2 });

  const pending = await service.call('PATCH', '/v1/groups/a', { params: { version: 3 } });
  assert.equal(pending.body.restartPending, true);
  const back = await service.call('PATCH', '/v1/groups/a', { params: { version: 2 } });
  assert.equal(back.body.restartPending, false, 'a change that is taken back waits for nothing');

  await service.stop('a');
  const atRest = await service.call('PATCH', '/v1/groups/a', { params: { version: 4 }, workers: 2 });
  assert.deepEqual([atRest.status, atRest.body.restartPending, ids(atRest)], [200, false, [0, 1]]);
  await service.start('a');
  assert.deepEqual((await toldParams(service, 4)).slice(2), [{ version: 4 }, { version: 4 }]);
});

test('a spec that waits for its restart is applied by a PUT of the same', async (t) => {
  const service = await startService(t);
  await put(service, 'a', { module: 'millisecond.mjs', workers: 1 });
  const { host } = await service.start('a');
  await service.call('PATCH', '/v1/groups/a', { params: { version: 2 } });
  const applied = await put(service, 'a', {
    module: 'millisecond.mjs',
    workers: 1,
    params: { version: 2 },
  });
  assert.deepEqual([applied.status, applied.body.restartPending], [200, false]);
  assert.notEqual(applied.body.host.pid, host.pid);
});

test('restart: a new host for the same workers; of a group at rest it is a start', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'millisecond.mjs' });
  const first = await service.call('POST', '/v1/groups/a/restart');
  assert.deepEqual([first.status, first.body.state, first.body.desired], [200, 'running', 'running']);
  const second = await service.call('POST', '/v1/groups/a/restart');
  assert.deepEqual([second.status, second.body.state], [200, 'running']);
  assert.notEqual(second.body.host.pid, first.body.host.pid);
  assert.equal(isAlive(first.body.host.pid), false);
  assert.deepEqual(ids(second), ids(first));
  assert.equal((await service.call('GET', '/v1/groups/a')).body.host.pid, second.body.host.pid);
});

test('lists and bulk commands take what fits the state and every label', async (t) => {
  const service = await startService(t);
  const groups: [name: string, labels: Record<string, string>][] = [
    ['none', {}],
    ['train-eu', { role: 'train', region: 'eu' }],
    ['train-us', { role: 'train', region: 'us' }],
    ['test-eu', { role: 'test', region: 'eu' }],
  ];
  for (const [name, labels] of groups)
    await service.register({ name, module: 'millisecond.mjs', workers: 1, labels });
  const names = async (query: string) => {
    const { status, body } = await service.call('GET', `/v1/groups${query}`);
    assert.equal(status, 200, query);
    return body.groups.map(({ name }: { name: string }) => name);
  };
  assert.deepEqual(
    await names(''),
    groups.map(([name]) => name),
  );
  assert.deepEqual(await names('?label=role=train'), ['train-eu', 'train-us']);
  assert.deepEqual(await names('?label=role=train&label=region=eu'), ['train-eu']);
  assert.deepEqual(await names('?label=role=train&label=role=test'), []);
  assert.deepEqual(await names('?label=role='), [], 'a value may be empty');

  const started = await service.call('POST', '/v1/start?label=region=eu&label=role=train');
  assert.deepEqual(
    [started.body.success, started.body.groups.map(({ name }: { name: string }) => name)],
    [true, ['train-eu']],
  );
  await service.start('test-eu');
  assert.deepEqual(await names('?state=running'), ['train-eu', 'test-eu']);
  assert.deepEqual(await names('?state=running&label=role=train'), ['train-eu']);
  assert.deepEqual(await names('?state=registered'), ['none', 'train-us']);

  const stopped = await service.call('POST', '/v1/stop?label=role=test&label=region=eu');
  assert.deepEqual(
    stopped.body.groups.map(({ name }: { name: string }) => name),
    ['test-eu'],
  );
  assert.deepEqual(await names('?state=stopped'), ['test-eu']);
  assert.deepEqual(await names('?state=running'), ['train-eu']);
});

test('the cap on workers: refused with figures, and what stops makes room', async (t) => {
  const service = await startService(t, { flags: ['--max-workers', '3'] });
  for (const name of ['a', 'b']) await service.register({ name, module: 'millisecond.mjs', workers: 2 });
  await service.start('a');
  for (const path of ['/v1/groups/b/start', '/v1/groups/b/restart', '/v1/start']) {
    const { status, body } = await service.call('POST', path);
    assert.deepEqual([status, body.code], [503, 'worker_cap_reached'], path);
    assert.match(body.detail, /^Starting 2 workers would exceed the cap: 2 of 3 are in use\. /, path);
  }
  assert.deepEqual(
    [(await service.status('a')).state, (await service.status('b')).state],
    ['running', 'registered'],
  );
  await service.stop('a');
  assert.equal((await service.start('b')).state, 'running');
});

test('a PUT that would exceed the cap leaves the running group as it is', async (t) => {
  const service = await startService(t, { flags: ['--max-workers', '3'] });
  await service.register({ name: 'a', module: 'millisecond.mjs', workers: 1 });
  await service.register({ name: 'b', module: 'millisecond.mjs', workers: 2 });
  await service.start('a');
  const { host } = await service.start('b');
  const refused = await put(service, 'b', { module: 'millisecond.mjs', workers: 3 });
  assert.deepEqual([refused.status, refused.body.code], [503, 'worker_cap_reached'], refused.body.detail);
  const after = await service.status('b');
  assert.deepEqual([after.state, after.host?.pid], ['running', host.pid], 'the same host runs on');
  assert.deepEqual([after.spec.workers, after.restartPending], [2, false], 'with the spec that it had');
  const within = await put(service, 'b', { module: 'millisecond.mjs', workers: 2, params: { version: 2 } });
  assert.deepEqual([within.status, within.body.state], [200, 'running'], 'its own workers count once');
});

test('loggers are called at their interval while the group runs', async (t) => {
  const journal = join(temporaryDirectory(t), 'journal');
  const service = await startService(t, { env: { LOGGER_JOURNAL: journal } });
  await service.register({
    name: 'a',
    module: 'millisecond.mjs',
    workers: 1,
    loggers: ['keeps-sum.mjs'],
    logIntervalSeconds: 0.1,
  });
  await service.start('a');
  const written = await until('three calls of the logger', () => {
    const found = existsSync(journal) ? lines(journal) : [];
    return found.length >= 3 ? found : undefined;
  });
  assert.equal((await service.status('a')).state, 'running');
  const metrics = written.map((line) => JSON.parse(line));
  const counts = metrics.map(({ worker_time_count }) => Number(worker_time_count));
  const times = metrics.map(({ worker_time }) => Number(worker_time));
  const grows = (numbers: number[]) =>
    numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0));
  assert.ok(grows(counts) && grows(times), `calls ${counts}, seconds ${times}`);
  assert.deepEqual(new Set(metrics.map(({ group }) => group)), new Set(['a']));
});
