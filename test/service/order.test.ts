import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { hostsOf } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';

const MODULE = 'journal.mjs';

interface Reported {
  name: string;
  success: boolean;
  state: string;
  reason: string | null;
}

/** `last` comes after `middle`, which comes after `first`; they are registered the other way round. */
async function chain(t: TestContext, fails: Record<string, string> = {}) {
  const service = await startService(t);
  const journal = join(temporaryDirectory(t), 'journal');
  const add = (name: string, after: string[]) =>
    service.register({ name, module: MODULE, after, params: { journal, fails: fails[name] ?? '' } });
  await add('last', ['middle']);
  await add('middle', ['first']);
  await add('first', []);
  /** What was written so far: a hook, its group, and of workers the id. */
  const written = () => (existsSync(journal) ? lines(journal) : []);
  return { service, journal, written, add };
}

const NAMES = ['first', 'middle', 'last'];

/** Of the lines of one group with this word: where the first is, and where the last. */
function span(written: string[], word: string, name: string): [from: number, to: number] {
  const fits = (line: string) => line.startsWith(`${word} ${name}`);
  const from = written.findIndex(fits);
  assert.notEqual(from, -1, `no "${word} ${name}" in ${written.join('; ')}`);
  return [from, written.findLastIndex(fits)];
}

function assertStartedInOrder(written: string[]): void {
  for (const [i, name] of NAMES.slice(1).entries()) {
    const [begun] = span(written, 'init', name);
    // A worker is in its loop once its setup has returned.
    const [, up] = span(written, 'setup', NAMES[i] ?? '');
    assert.ok(up < begun, `init of ${name} came before ${NAMES[i]} ran: ${written.join('; ')}`);
  }
}

function assertStoppedInReverse(written: string[]): void {
  for (const [i, name] of NAMES.slice(1).entries()) {
    const [, cleaned] = span(written, 'cleanup', name);
    const [asked] = span(written, 'shutdown', NAMES[i] ?? '');
    const [ended] = span(written, 'teardown', NAMES[i] ?? '');
    assert.ok(
      cleaned < asked && cleaned < ended,
      `${NAMES[i]} was stopped before ${name} was at rest: ${written.join('; ')}`,
    );
  }
}

const statesOf = async (service: Service) =>
  Object.fromEntries(
    await Promise.all(NAMES.map(async (name) => [name, (await service.status(name)).state] as const)),
  );
const all = (state: string) => Object.fromEntries(NAMES.map((name) => [name, state]));

test('POST /v1/start and /v1/stop keep the order of `after`, whatever that of registration', async (t) => {
  const { service, written } = await chain(t);
  const { status, body } = await service.call('POST', '/v1/start');
  assert.deepEqual([status, body.success], [200, true], JSON.stringify(body));
  assert.deepEqual(
    body.groups.map(({ name }: Reported) => name),
    ['last', 'middle', 'first'],
    'the report is in the order of registration',
  );
  assertStartedInOrder(written());
  const before = written().length;
  const stopped = await service.call('POST', '/v1/stop');
  assert.deepEqual([stopped.status, stopped.body.success], [200, true]);
  assertStoppedInReverse(written().slice(before));

  const again = written().length;
  assert.equal((await service.call('POST', '/v1/start')).body.success, true);
  assertStartedInOrder(written().slice(again));
});

test('SIGTERM of the service stops them in reverse as well', async (t) => {
  const { service, written } = await chain(t);
  await service.call('POST', '/v1/start');
  const before = written().length;
  assert.equal(await service.end('SIGTERM'), 0);
  assertStoppedInReverse(written().slice(before));
});

test('a start that comes while the group before it is being started waits for it', async (t) => {
  const { service, written } = await chain(t);
  const [first, middle] = await Promise.all(
    ['first', 'middle'].map((name) => service.call('POST', `/v1/groups/${name}/start`)),
  );
  assert.deepEqual([first?.status, first?.body.state], [200, 'running']);
  assert.deepEqual([middle?.status, middle?.body.state], [200, 'running'], middle?.body.detail);
  assert.equal((await service.start('last')).state, 'running');
  assertStartedInOrder(written());
});

test('starts of a whole chain that come together, one group each, keep the order as well', async (t) => {
  const { service, written } = await chain(t);
  for (const name of NAMES) {
    const { status, body } = await service.call('POST', `/v1/groups/${name}/start?wait=false`);
    assert.equal(status, 202, body.detail);
  }
  for (const name of NAMES) await service.reaches(name, 'running');
  assertStartedInOrder(written());
  assert.equal((await service.call('POST', '/v1/stop')).body.success, true);
});

test('a stop of the first alone stops no other: the order is of starts and stops that come together', async (t) => {
  const { service } = await chain(t);
  await service.call('POST', '/v1/start');
  assert.equal((await service.stop('first')).success, true);
  assert.deepEqual(await statesOf(service), { first: 'stopped', middle: 'running', last: 'running' });
  assert.equal((await service.call('POST', '/v1/stop')).body.success, true);
  assert.deepEqual(await statesOf(service), all('stopped'));
});

test('a cycle is refused with 400 and a pointer to /after, by POST, PUT and PATCH', async (t) => {
  const { service, add } = await chain(t);
  const before = await service.status('first');
  const after = ['last'];
  const calls = [
    ['PATCH', '/v1/groups/first', { after }],
    ['PUT', '/v1/groups/first', { module: MODULE, after }],
    ['POST', '/v1/groups', { name: 'self', module: MODULE, after: ['self'] }],
  ] as const;
  for (const [method, path, spec] of calls) {
    const { status, body } = await service.call(method, path, spec);
    assert.deepEqual([status, body.code], [400, 'invalid_request'], method);
    assert.deepEqual(
      body.errors.map(({ pointer }: { pointer: string }) => pointer),
      ['/after'],
    );
    assert.match(body.detail, /cycle/);
  }
  const { body } = await service.call('PATCH', '/v1/groups/first', { after });
  assert.match(body.detail, /first after last after middle after first/, 'it shows the way round');
  assert.deepEqual((await service.status('first')).spec, before.spec);
  assert.equal((await service.call('GET', '/v1/groups/self')).status, 404);

  // One that closes it from the other side, before the group that it names is there.
  await add('early', ['late']);
  const late = await service.call('POST', '/v1/groups', { name: 'late', module: MODULE, after: ['early'] });
  assert.deepEqual([late.status, late.body.errors[0].pointer], [400, '/after']);
});

test('a start without the group that has to run first: 409 that says what to do, and nothing starts', async (t) => {
  const { service, written, add } = await chain(t);
  await add('lost', ['nowhere']);
  const refusals = [
    [
      'last',
      /^Group "last" starts after "middle", whose state is "registered"\. Start it first, or start both with POST \/v1\/start/,
    ],
    [
      'lost',
      /^Group "lost" starts after "nowhere", and there is no such group\. Register it, or take it out of `after`/,
    ],
  ] as const;
  for (const [name, detail] of refusals) {
    for (const command of ['start', 'restart', 'start?wait=false']) {
      const { status, body } = await service.call('POST', `/v1/groups/${name}/${command}`);
      assert.deepEqual([status, body.code], [409, 'dependency_not_running'], `${command} of ${name}`);
      assert.match(body.detail, detail);
    }
    const { state, host } = await service.status(name);
    assert.deepEqual([state, host], ['registered', null]);
  }
  const bulk = await service.call('POST', '/v1/start');
  assert.deepEqual([bulk.status, bulk.body.code], [409, 'dependency_not_running']);
  assert.match(bulk.body.detail, /"lost" starts after "nowhere"/);
  assert.deepEqual([written(), hostsOf(service.pid)], [[], []], 'nothing at all was started');

  // One that was stopped counts as little as one that never ran.
  await service.start('first');
  await service.start('middle');
  await service.stop('middle');
  const refused = await service.call('POST', '/v1/groups/last/start');
  assert.deepEqual([refused.status, refused.body.code], [409, 'dependency_not_running']);
  assert.match(refused.body.detail, /after "middle", whose state is "stopped"\. Start it first/);
  assert.equal(hostsOf(service.pid).length, 1, 'the first runs alone');
  await service.start('middle');
  assert.equal((await service.start('last')).state, 'running', 'as the refusal said');
});

for (const [hook, code] of [
  ['init', /The init hook of group "first" failed: init was told to fail/],
  ['setup', /Exception in worker \d+ \(setup\): setup was told to fail/],
] as const) {
  test(`when the first fails in its ${hook}, nothing runs`, async (t) => {
    const { service, written } = await chain(t, { first: hook });
    const { status, body } = await service.call('POST', '/v1/start');
    assert.deepEqual([status, body.success], [200, false]);
    const [last, middle, first] = body.groups as Reported[];
    assert.equal(first?.state, 'failed');
    assert.match(first?.reason ?? '', code);
    for (const group of [last, middle]) {
      assert.deepEqual([group?.success, group?.state], [false, 'stopped'], JSON.stringify(group));
      assert.match(group?.reason ?? '', /first|middle/, 'it says because of whom');
    }
    await until('no host to be left', () => hostsOf(service.pid).length === 0 || undefined);
    const others = written().filter((line) => / (middle|last)\b/.test(line) && !/ groups=/.test(line));
    assert.deepEqual(others, [], 'no hook of the others was called');
    assert.ok(!written().some((line) => /^init (middle|last)/.test(line)));
  });
}

test('when the middle one fails in its init, the first is rolled back', async (t) => {
  const { service, written } = await chain(t, { middle: 'init' });
  const { body } = await service.call('POST', '/v1/start');
  const [last, middle, first] = body.groups as Reported[];
  assert.deepEqual(
    [body.success, first?.state, middle?.state, last?.state],
    [false, 'stopped', 'failed', 'stopped'],
  );
  for (const group of [first, last])
    assert.match(group?.reason ?? '', /^Rolled back, because group "middle" failed to start: The init hook/);
  assert.deepEqual(hostsOf(service.pid), []);
  span(written(), 'cleanup', 'first');
  assert.ok(!written().some((line) => /^init last/.test(line)), 'the last was not begun');
});
