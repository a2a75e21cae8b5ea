import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'node:test';
import { ConfigError } from '#dist/config/config-error.js';
import { listeningApp } from '../support/listening-app.js';
import { isAlive } from '../support/processes.js';
import { MODULES, ROOT, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

test('after SIGTERM and after SIGKILL groups are back, and what ran runs', async (t) => {
  const stateDir = temporaryDirectory(t);
  let service = await startService(t, { stateDir });
  for (const name of ['runs', 'rests', 'goes']) await service.register({ name, module: 'sleeps.mjs' });
  for (const name of ['runs', 'rests']) await service.start(name);
  await service.stop('rests');
  await service.call('DELETE', '/v1/groups/goes');
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const before = (await service.call('GET', '/v1/groups')).body.groups;
    const { pid } = (await service.status('runs')).host;
    await service.end(signal);
    await until('the host to end', () => (isAlive(pid) ? undefined : true));
    service = await startService(t, { stateDir });
    const after = await service.reaches('runs', 'running');
    const { groups } = (await service.call('GET', '/v1/groups')).body;
    const kept = ({ name, spec, desired, workers }: (typeof groups)[number]) => ({
      name,
      spec,
      desired,
      ids: workers.map(({ id }: { id: number }) => id),
    });
    assert.deepEqual(groups.map(kept), before.map(kept), signal);
    assert.notEqual(after.host.pid, pid);
    assert.equal((await service.status('rests')).state, 'registered');
  }
});

test('what cannot be written is a 507, nothing has changed, and it works again when it can', async (t) => {
  const stateDir = temporaryDirectory(t);
  const service = await startService(t, { stateDir });
  await service.register({ name: 'a', module: 'sleeps.mjs', labels: { v: '1' } });
  await service.start('a');
  const before = await service.status('a');
  const groups = join(stateDir, 'groups');
  renameSync(groups, `${groups}.away`);
  const commands: [method: string, path: string, body?: unknown][] = [
    ['POST', '/v1/groups', { name: 'b', module: 'sleeps.mjs' }],
    ['PUT', '/v1/groups/a', { module: 'sleeps.mjs', workers: 1 }],
    ['PATCH', '/v1/groups/a', { workers: 1 }],
    ['DELETE', '/v1/groups/a'],
    ['POST', '/v1/groups/a/stop'],
    ['POST', '/v1/stop'],
  ];
  for (const [method, path, body] of commands) {
    const { status, headers, body: problem } = await service.call(method, path, body);
    assert.deepEqual([status, problem.code], [507, 'storage_failed'], `${method} ${path}`);
    assert.match(headers.get('content-type') ?? '', /problem\+json/);
    assert.match(problem.detail, /PW_STATE_DIR.*ENOENT/);
  }
  const after = await service.status('a');
  for (const field of ['spec', 'desired', 'state', 'since'])
    assert.deepEqual(after[field], before[field], field);
  assert.equal(after.host.pid, before.host.pid);
  assert.equal((await service.call('GET', '/v1/groups/b')).status, 404);
  renameSync(`${groups}.away`, groups);
  assert.equal((await service.stop('a')).success, true);
  await service.register({ name: 'b', module: 'sleeps.mjs' });
});

test('a damaged file is told on /readyz and in the log, and the rest is there', async (t) => {
  const stateDir = temporaryDirectory(t);
  const first = await startService(t, { stateDir });
  for (const name of ['a', 'b']) await first.register({ name, module: 'sleeps.mjs' });
  await first.end();
  const file = join(stateDir, 'groups', 'a.json');
  const damaged = readFileSync(file, 'utf8').replace('sleeps.mjs', 'sweeps.mjs');
  writeFileSync(file, damaged);
  const second = await startService(t, { stateDir });
  const { status, body } = await second.call('GET', '/readyz');
  assert.equal(status, 200);
  const reason = 'it is damaged: its checksum does not fit';
  assert.deepEqual(body, { status: 'ok', setAside: [{ file: 'groups/a.json.damaged-1', reason }] });
  assert.ok(second.log.some(({ level, msg }) => level === 50 && msg.includes('a.json.damaged-1')));
  assert.equal(readFileSync(`${file}.damaged-1`, 'utf8'), damaged);
  const { groups } = (await second.call('GET', '/v1/groups')).body;
  assert.deepEqual(
    groups.map(({ name }: { name: string }) => name),
    ['b'],
  );
});

test('a second service on the directory ends with one line and code 2', async (t) => {
  const stateDir = temporaryDirectory(t);
  mkdirSync(join(stateDir, 'groups'));
  await startService(t, { stateDir });
  const flags = ['--port', '0', '--workers-dir', MODULES];
  const child = spawn(process.execPath, [`${ROOT}dist/server.js`, ...flags], {
    env: { ...process.env, PW_STATE_DIR: stateDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [stderr] = await Promise.all([text(child.stderr), text(child.stdout), once(child, 'close')]);
  assert.equal(child.exitCode, 2);
  assert.match(
    stderr,
    /^parallel-workers: PW_STATE_DIR=\S+ is in use by another parallel-workers; choose [^\n]+\n$/,
  );
  assert.ok(stderr.includes(stateDir));
});

test('a spec is the same after a restart, also where it has a -0', async (t) => {
  const stateDir = temporaryDirectory(t);
  const body =
    '{"name": "a", "module": "empty.mjs", "intervalSeconds": -0, "params": {"x": [-0, {"y": -0.0}]}}';
  const headers = { 'content-type': 'application/json' };
  const first = await listeningApp(t, { stateDir });
  assert.equal((await first.fetch('POST', '/v1/groups', headers, body)).status, 201);
  await first.app.server.close();
  const second = await listeningApp(t, { stateDir });
  const { status, body: answer } = await second.fetch('POST', '/v1/groups', headers, body);
  assert.deepEqual([status, answer.spec?.params], [200, { x: [0, { y: 0 }] }]);
});

test('what cannot be put together lets go of its state directory', async (t) => {
  const stateDir = temporaryDirectory(t);
  const feedDir = join(stateDir, 'x'.repeat(120));
  await assert.rejects(listeningApp(t, { stateDir, feedDir }), ConfigError);
  const { groups } = await listeningApp(t, { stateDir });
  assert.deepEqual(groups(), []);
});
