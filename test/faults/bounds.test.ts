import assert from 'node:assert/strict';
import test from 'node:test';
import { hostsOf } from '../support/processes.js';
import { startService } from '../support/service.js';

const MIB = 1024 * 1024;

interface Stopped {
  name: string;
  killed: number[];
  reason: string;
}

test('PW_MAX_GROUPS: one more is refused with figures; the same spec is no news; DELETE makes room', async (t) => {
  const service = await startService(t, { flags: ['--max-groups', '3'] });
  const spec = (name: string, more: Record<string, unknown> = {}) => ({
    name,
    module: 'millisecond.mjs',
    ...more,
  });
  for (const name of ['a', 'b', 'c']) await service.register(spec(name));
  const post = await service.call('POST', '/v1/groups', spec('d'));
  const put = await service.call('PUT', '/v1/groups/d', spec('d'));
  for (const { status, body } of [post, put]) {
    assert.deepEqual([status, body.code], [503, 'group_cap_reached']);
    assert.match(body.detail, /^3 of 3 groups are registered\. Delete one, or raise PW_MAX_GROUPS\.$/);
  }
  assert.equal((await service.call('GET', '/v1/groups')).body.groups.length, 3);

  const same = await service.call('POST', '/v1/groups', spec('b'));
  assert.deepEqual([same.status, same.body.name], [200, 'b']);
  const other = await service.call('POST', '/v1/groups', spec('b', { workers: 1 }));
  assert.deepEqual([other.status, other.body.code], [409, 'group_conflict'], 'taken is what it is, not full');
  assert.equal((await service.call('PUT', '/v1/groups/b', spec('b', { workers: 1 }))).status, 200);
  assert.equal((await service.call('PATCH', '/v1/groups/b', { workers: 3 })).status, 200);
  assert.equal((await service.start('b')).state, 'running', 'a full house works');

  assert.equal((await service.call('DELETE', '/v1/groups/b')).status, 200);
  assert.equal((await service.call('POST', '/v1/groups', spec('d'))).status, 201);
  assert.equal((await service.call('POST', '/v1/groups', spec('e'))).body.code, 'group_cap_reached');
});

test('registrations that come together do not exceed the cap', async (t) => {
  const service = await startService(t, { flags: ['--max-groups', '3'] });
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      service.call(i % 2 === 0 ? 'POST' : 'PUT', i % 2 === 0 ? '/v1/groups' : `/v1/groups/g${i}`, {
        name: `g${i}`,
        module: 'millisecond.mjs',
      }),
    ),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [...new Array(3).fill(201), ...new Array(9).fill(503)]);
  assert.equal((await service.call('GET', '/v1/groups')).body.groups.length, 3);
});

test('specs of 900 KB are taken up to 4 MiB in all; the service answers as ever', async (t) => {
  const service = await startService(t);
  const SIZE = 900_000;
  const spec = (name: string, size = SIZE) => ({
    name,
    module: 'millisecond.mjs',
    workers: 1,
    params: { data: 'x'.repeat(size) },
  });
  const room = Math.floor((4 * MIB) / SIZE);
  for (let i = 0; i < room; i++)
    assert.equal((await service.call('POST', '/v1/groups', spec(`g${i}`))).status, 201, `group ${i}`);
  const { status, body } = await service.call('POST', '/v1/groups', spec('more'));
  assert.deepEqual([status, body.code], [503, 'group_cap_reached']);
  const [, wanted, taken, most] = (
    /has (\d+) bytes.* have (\d+);.* have (\d+)\./.exec(body.detail) ?? []
  ).map(Number);
  assert.deepEqual(
    [(wanted ?? 0) > SIZE, (taken ?? 0) > room * SIZE, most],
    [true, true, 4 * MIB],
    body.detail,
  );

  // What was there stays usable, and what is small still fits.
  assert.equal((await service.call('POST', '/v1/groups', spec('g0'))).status, 200);
  assert.equal((await service.call('POST', '/v1/groups', spec('small', 10))).status, 201);
  const list = await service.call('GET', '/v1/groups');
  assert.deepEqual([list.status, list.body.groups.length], [200, room + 1]);

  // Nor can a group that is there already grow beyond it, and it stays as it was.
  const grown = { data: 'y'.repeat(SIZE) };
  for (const [method, change] of [
    ['PATCH', { params: grown }],
    ['PUT', { ...spec('small'), params: grown }],
  ] as const) {
    const refused = await service.call(method, '/v1/groups/small', change);
    assert.deepEqual([refused.status, refused.body.code], [503, 'group_cap_reached'], method);
  }
  assert.equal((await service.status('small')).spec.params.data.length, 10);
  assert.equal((await service.start('small')).state, 'running');
  assert.equal((await service.start('g0')).state, 'running', 'so does one with large params');

  // Whoever asks for all of it at once holds up nobody for long.
  const lists = Array.from({ length: 4 }, () => service.call('GET', '/v1/groups'));
  const waits: number[] = [];
  let over = false;
  const listed = Promise.all(lists).finally(() => {
    over = true;
  });
  while (!over) {
    const asked = performance.now();
    assert.equal((await service.call('GET', '/livez')).status, 200);
    waits.push(performance.now() - asked);
  }
  for (const { status, body } of await listed)
    assert.deepEqual([status, body.groups.length], [200, room + 1]);
  const asked = performance.now();
  assert.equal((await service.call('GET', '/livez')).status, 200);
  const after = performance.now() - asked;
  t.diagnostic(
    `/livez: ${Math.max(...waits).toFixed(0)} ms at most during 4 lists of 4 MiB, ${after.toFixed(1)} ms after`,
  );
  assert.ok(after < 500, `/livez took ${after} ms after`);

  assert.equal((await service.call('DELETE', '/v1/groups/g1')).status, 200);
  assert.equal((await service.call('POST', '/v1/groups', spec('more'))).status, 201, 'DELETE makes room');
});

test('32 workers in for (;;); in 8 groups: one stop of all, over within the grace and a second', async (t) => {
  const GRACE_SECONDS = 1;
  const service = await startService(t);
  const names = Array.from({ length: 8 }, (_, i) => `g${i}`);
  const ids = new Map<string, number[]>();
  for (const name of names) {
    const { workers } = await service.register({
      name,
      module: 'spin.mjs',
      workers: 4,
      stopGraceSeconds: GRACE_SECONDS,
      startTimeoutSeconds: 120,
    });
    ids.set(
      name,
      workers.map(({ id }: { id: number }) => id),
    );
  }
  const started = await service.call('POST', '/v1/start');
  assert.equal(started.body.success, true, JSON.stringify(started.body));
  for (const name of names) await service.inTheCall(name, 4);

  let over = false;
  const stopping = service.call('POST', '/v1/stop').finally(() => {
    over = true;
  });
  const waits: number[] = [];
  while (!over) {
    const asked = performance.now();
    const { status, body } = await service.call('GET', '/v1/groups');
    waits.push(performance.now() - asked);
    assert.deepEqual([status, body.groups.length], [200, 8]);
  }
  const { status, body } = await stopping;
  const slowest = Math.max(...waits);
  t.diagnostic(
    `the stop took ${body.seconds} s; ${waits.length} lists meanwhile, the slowest ${slowest.toFixed(0)} ms`,
  );
  assert.deepEqual([status, body.success], [200, false]);
  assert.ok(body.seconds >= GRACE_SECONDS, `they had their grace: ${body.seconds} s`);
  assert.ok(body.seconds < GRACE_SECONDS + 1, `the stop took ${body.seconds} s`);
  assert.ok(waits.length >= 3, `${waits.length} lists were answered during the stop`);
  for (const { name, killed, reason } of body.groups as Stopped[]) {
    assert.deepEqual(killed, ids.get(name), name);
    assert.match(reason, /did not stop within the grace of 1 s: killed$/);
    assert.equal(await service.metric(`worker_killed_total{group="${name}"}`), 4);
  }
  assert.deepEqual(hostsOf(service.pid), []);
  const states = (await service.call('GET', '/v1/groups?state=stopped')).body.groups.length;
  assert.equal(states, 8);
});
