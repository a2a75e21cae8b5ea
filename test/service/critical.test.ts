import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { hostsOf, isAlive } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** What sysexits.h calls EX_SOFTWARE. */
const EXIT_CRITICAL = 70;

const MODULES = {
  // Worker 1 fails once there is a file `params.fails`.
  'fails.mjs': `
    import { existsSync } from 'node:fs';
    export default async (_id, ctx) => {
      if (ctx.index === 1 && existsSync(ctx.params.fails)) throw new Error('it broke');
      await ctx.sleep(0.005);
    };\n`,
  'fails-at-once.mjs': `
    export default async (_id, ctx) => {
      await ctx.sleep(0.02);
      if (ctx.index === 1) throw new Error('it broke');
    };\n`,
  'finishes.mjs': 'export default (_id, ctx) => { ctx.finish(); };\n',
  'no-init.mjs': `
    export function init() { throw new Error('there is no data'); }
    export default () => {};\n`,
  'notes.mjs': `
    import { appendFileSync } from 'node:fs';
    export default async (_id, ctx) => { await ctx.sleep(0.001); };
    export function teardown(id, { params }) { appendFileSync(params.journal, \`teardown \${id}\\n\`); }
    export function cleanup({ params }) { appendFileSync(params.journal, 'cleanup\\n'); }\n`,
  'spins.mjs': `export default (_id, ctx) => { ctx.log.info('in the call'); for (;;); };\n`,
};

/** A service with a group `other`, which writes down how it ends. */
async function begin(t: TestContext, flags: string[] = []) {
  const service = await startService(t, { workersDir: workersDir(t, MODULES), flags });
  const directory = temporaryDirectory(t);
  const journal = join(directory, 'journal');
  await service.register({ name: 'other', module: 'notes.mjs', workers: 2, params: { journal } });
  const { host } = await service.start('other');
  return {
    service,
    host: host.pid as number,
    /** The file that lets a worker of `fails.mjs` fail. */
    fails: join(directory, 'fails'),
    written: () => (existsSync(journal) ? lines(journal) : []),
  };
}

const exitCode = ({ process }: Service) =>
  until('the service to end', () => process.exitCode ?? process.signalCode ?? undefined);
const messages = ({ log }: Service) => log.map(({ msg }) => msg);

/** The service has ended as it does after a critical failure, with everything that it ran. */
async function assertEndedFor(
  service: Service,
  name: string,
  reason: RegExp,
  hosts: number[],
  written: string[],
): Promise<void> {
  assert.equal(await exitCode(service), EXIT_CRITICAL);
  assert.deepEqual(hosts.filter(isAlive), [], 'no host is left');
  // The last lines of a service need not come in the order in which they were written.
  const logged = (msg: string) =>
    until(`the log to say "${msg}"`, () => service.log.find((record) => record.msg === msg));
  const told = await logged(`critical group ${name} has failed for good`);
  assert.deepEqual([told.level, told['group']], [50, name]);
  assert.match(String(told['reason']), reason);
  await logged(`critical group ${name} has failed, exit code 70: shutting down`);
  await logged('group other: stopped');
  assert.equal((await logged('all groups have ended'))['success'], true);
  assert.deepEqual(
    [written.length, written.filter((line) => line.startsWith('teardown')).length, written.at(-1)],
    [3, 2, 'cleanup'],
    'the other group was stopped as at any stop',
  );
}

test('a critical group that fails under `never` ends the service with 70, once all others have stopped', async (t) => {
  const { service, host, fails, written } = await begin(t);
  await service.register({ name: 'heart', module: 'fails.mjs', critical: true, params: { fails } });
  const hosts = [host, (await service.start('heart')).host.pid];
  writeFileSync(fails, '');
  await exitCode(service);
  await assertEndedFor(service, 'heart', /^Exception in worker \d+: it broke$/, hosts, written());
});

for (const scope of ['worker', 'group']) {
  test(`under on-failure, scope ${scope}, only when it is given up`, async (t) => {
    const { service, host, written } = await begin(t);
    const backoff = { initialSeconds: 0.05 };
    const restart = { policy: 'on-failure', scope, maxRestarts: 2, backoff };
    await service.register({ name: 'heart', module: 'fails-at-once.mjs', critical: true, restart });
    await service.call('POST', '/v1/groups/heart/start');
    await exitCode(service);
    const reason = /it broke; it is given up: 2 restarts within 30 s of running did not help$/;
    await assertEndedFor(service, 'heart', reason, [host], written());
    const again = () =>
      service.log.filter(({ group, msg }) => group === 'heart' && msg.endsWith(' starts again')).length;
    await until('two restarts in the log', () => again() >= 2 || undefined);
    assert.equal(again(), 2, 'it had its restarts before');
  });
}

test('the death of its host counts, too', async (t) => {
  const { service, host, written } = await begin(t);
  await service.register({
    name: 'heart',
    module: 'notes.mjs',
    critical: true,
    params: { journal: '/dev/null' },
  });
  const heart = (await service.start('heart')).host.pid;
  process.kill(heart, 'SIGKILL');
  await exitCode(service);
  await assertEndedFor(service, 'heart', /died: it was ended by SIGKILL$/, [host, heart], written());
});

test('one that waits for its next try keeps the service up', async (t) => {
  const { service, host } = await begin(t);
  const backoff = { initialSeconds: 3600, maxSeconds: 3600 };
  for (const scope of ['worker', 'group']) {
    const restart = { policy: 'on-failure', scope, backoff };
    const spec = { name: scope, module: 'fails-at-once.mjs', critical: true, restart };
    await service.register(spec);
    await service.call('POST', `/v1/groups/${scope}/start`);
  }
  await service.reaches('group', 'backoff');
  await until('the worker to wait', async () =>
    (await service.status('worker')).workers[1].restartAt === null ? undefined : true,
  );
  assert.equal((await service.call('GET', '/readyz')).status, 200);
  assert.deepEqual([(await service.status('other')).state, isAlive(host)], ['running', true]);
  assert.equal(await service.end(), 0, 'and SIGTERM ends it with 0');
});

test('what is stopped, completed or not critical ends nothing, however it failed', async (t) => {
  const { service, fails } = await begin(t);
  await service.register({ name: 'stopped', module: 'fails.mjs', critical: true, params: { fails } });
  await service.start('stopped');
  assert.equal((await service.stop('stopped')).success, true);
  await service.register({ name: 'done', module: 'finishes.mjs', critical: true });
  await service.call('POST', '/v1/groups/done/start');
  await service.reaches('done', 'completed');
  await service.register({
    name: 'killed',
    module: 'spins.mjs',
    workers: 1,
    critical: true,
    stopGraceSeconds: 0.1,
  });
  await service.start('killed');
  await service.inTheCall('killed', 1);
  assert.equal((await service.stop('killed')).success, false);
  await service.register({ name: 'minor', module: 'fails-at-once.mjs' });
  await service.call('POST', '/v1/groups/minor/start');
  await service.reaches('minor', 'failed');
  assert.equal((await service.call('GET', '/readyz')).status, 200);
  assert.equal((await service.call('POST', '/v1/stop')).status, 200);
  assert.equal(await service.end(), 0);
});

test('SIGTERM exits with 0 while a critical group runs, and when it has to be killed', async (t) => {
  const { service } = await begin(t, ['--shutdown-seconds', '0.5']);
  await service.register({
    name: 'heart',
    module: 'spins.mjs',
    workers: 1,
    critical: true,
    stopGraceSeconds: 30,
  });
  const { host } = await service.start('heart');
  await service.inTheCall('heart', 1);
  assert.equal(await service.end(), 0);
  assert.deepEqual([isAlive(host.pid), hostsOf(service.pid)], [false, []]);
  assert.ok(!messages(service).some((msg) => msg.startsWith('critical group')));
});

test('a stuck neighbour gets --shutdown-seconds after a critical failure, then the exit is still 70', async (t) => {
  const { service, host } = await begin(t, ['--shutdown-seconds', '0.5']);
  await service.register({ name: 'stuck', module: 'spins.mjs', workers: 1, stopGraceSeconds: 30 });
  const stuck = (await service.start('stuck')).host.pid;
  await service.inTheCall('stuck', 1);
  await service.register({ name: 'heart', module: 'fails-at-once.mjs', critical: true });
  await service.call('POST', '/v1/groups/heart/start');
  assert.equal(await exitCode(service), EXIT_CRITICAL);
  assert.deepEqual([host, stuck].filter(isAlive), []);
});

for (const [path, read] of [
  ['/v1/groups/heart/start', ({ code, detail }: { code: string; detail: string }) => `${code}: ${detail}`],
  ['/v1/groups/heart/restart', ({ code, detail }: { code: string; detail: string }) => `${code}: ${detail}`],
  ['/v1/start', ({ groups }: { groups: { reason: string }[] }) => `init_failed: ${groups.at(-1)?.reason}`],
] as const) {
  test(`POST ${path} of a critical group whose init fails gets its answer before the service ends`, async (t) => {
    const { service, host, written } = await begin(t);
    await service.register({ name: 'heart', module: 'no-init.mjs', critical: true });
    const { status, body } = await service.call('POST', path);
    assert.equal(status, path === '/v1/start' ? 200 : 500);
    assert.match(read(body), /^init_failed: The init hook of group "heart" failed: there is no data/);
    // The report of a start of several tells the reasons alone.
    if (path !== '/v1/start')
      assert.match(read(body), /\(The group is critical .* stops everything and ends\.\)$/);
    await exitCode(service);
    await assertEndedFor(service, 'heart', /there is no data$/, [host], written());
  });
}

test('a critical group that is all there is: the answer to its start comes out all the same', async (t) => {
  for (let round = 0; round < 3; round++) {
    const service = await startService(t, { workersDir: workersDir(t, MODULES) });
    await service.register({ name: 'heart', module: 'no-init.mjs', critical: true });
    const { status, body } = await service.call('POST', '/v1/groups/heart/start');
    assert.deepEqual([status, body.code], [500, 'init_failed']);
    assert.equal(await exitCode(service), EXIT_CRITICAL);
  }
});
