import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'node:test';
import { hostsOf, isAlive, sparesOf, threadsOf } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { workersDir } from '../support/workers-dir.js';

/** Waits until the service has a host ready. */
const spareOf = (service: Service) => until('a spare host to be ready', () => sparesOf(service.pid)[0]);

const niceOf = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      return [stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]];
    } catch {
      return []; // It ended while we looked.
    }
  });

test('a group gets the host that is ready, and the next one gets another', async (t) => {
  const service = await startService(t);
  const spare = await spareOf(service);
  assert.deepEqual(hostsOf(service.pid), []);
  const name = 'a'.repeat(63);
  await service.register({ name, module: 'millisecond.mjs' });
  const { host } = await service.start(name);
  assert.equal(host.pid, spare.pid);
  assert.equal(hostsOf(service.pid)[0]?.command, `parallel-workers host ${name}`);
  const next = await spareOf(service);
  await service.stop(name);
  await until('the first host to be gone', () => !isAlive(spare.pid) || undefined);
  const again = await service.start(name);
  assert.equal(again.host.pid, next.pid);
  assert.equal((await service.stop(name)).success, true);
});

test('a group with a heap of its own, a priority and more workers has all of it in a host that was ready', async (t) => {
  const directory = workersDir(t, {
    'tells.mjs': `import { resourceLimits } from 'node:worker_threads';
      export const setup = (_id, ctx) => ctx.log.info('limit ' + resourceLimits.maxOldGenerationSizeMb + ' in ' + process.cwd());
      export default (_id, ctx) => ctx.sleep(0.01);`,
  });
  const spec = { name: 'a', module: 'tells.mjs', workers: 4, nice: 3, limits: { heapMb: 48 } };
  const other = await startService(t, { workersDir: directory, env: { PW_WARM_HOSTS: '0' } });
  await other.register(spec);
  const threads = threadsOf((await other.start('a')).host.pid);
  const service = await startService(t, { workersDir: directory });
  const spare = await spareOf(service);
  await service.register(spec);
  const { host } = await service.start('a');
  assert.equal(host.pid, spare.pid);
  assert.deepEqual(new Set(niceOf(host.pid)), new Set(['3']));
  const told = await until('all workers to tell', () => {
    const lines = service.log.filter(({ msg }) => msg.startsWith('limit '));
    return lines.length === 4 ? lines.map(({ msg }) => msg) : undefined;
  });
  assert.equal(new Set(told).size, 1);
  assert.match(told[0] ?? '', /^limit 48 in .*\/hosts\/host-\w+$/);
  // Those that were ready, with another heap, are gone.
  await until('no thread too many', () => threadsOf(host.pid) <= threads || undefined);
});

test('certificates that were replaced since a host was started are those of the next group', async (t) => {
  const directory = workersDir(t, {
    'sleeps.mjs': 'export default (_id, ctx) => ctx.sleep(60);',
    'ca.pem': '',
  });
  const service = await startService(t, {
    workersDir: directory,
    env: { NODE_EXTRA_CA_CERTS: join(directory, 'ca.pem') },
  });
  const spare = await spareOf(service);
  writeFileSync(join(directory, 'ca.pem'), '# another');
  await service.register({ name: 'a', module: 'sleeps.mjs' });
  assert.notEqual((await service.start('a')).host.pid, spare.pid);
  await until('the old one to make room', () => !isAlive(spare.pid) || undefined);
  const next = await spareOf(service);
  await service.register({ name: 'b', module: 'sleeps.mjs' });
  assert.equal((await service.start('b')).host.pid, next.pid);
});

test('certificates that cannot be read are no reason not to start', async (t) => {
  // Below a file there is none.
  const certificates = join(workersDir(t, { file: '' }), 'file', 'ca.pem');
  const service = await startService(t, { env: { NODE_EXTRA_CA_CERTS: certificates } });
  const spare = await spareOf(service);
  await service.register({ name: 'a', module: 'millisecond.mjs' });
  assert.equal((await service.start('a')).host.pid, spare.pid);
});

test('one that was killed while it waited is not handed out', async (t) => {
  const service = await startService(t);
  const spare = await spareOf(service);
  const directory = readlinkSync(`/proc/${spare.pid}/cwd`);
  assert.equal(basename(dirname(directory)), 'hosts');
  process.kill(spare.pid, 'SIGKILL');
  await until('its directory to be gone', () => !existsSync(directory) || undefined);
  await service.register({ name: 'a', module: 'millisecond.mjs' });
  const { host } = await service.start('a');
  assert.notEqual(host.pid, spare.pid);
  assert.equal((await service.stop('a')).success, true);
});

test('with PW_WARM_HOSTS=0 there is none', async (t) => {
  const without = await startService(t, { env: { PW_WARM_HOSTS: '0' } });
  await without.register({ name: 'a', module: 'millisecond.mjs' });
  await without.start('a');
  // By the time in which one that came later has its first, and its second after a start.
  const other = await startService(t);
  const first = await spareOf(other);
  await other.register({ name: 'a', module: 'millisecond.mjs' });
  assert.equal((await other.start('a')).host.pid, first.pid);
  await spareOf(other);
  assert.deepEqual(sparesOf(without.pid), []);
});

test('when no host can be kept ready the log says why', async (t) => {
  const service = await startService(t);
  const spare = await spareOf(service);
  process.kill(spare.pid, 'SIGKILL');
  await until('a warning', () =>
    service.log.find(
      ({ msg, level }) =>
        level === 40 && msg === 'no host can be kept ready: it ended before a group had it (SIGKILL)',
    ),
  );
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} of the service leaves no host that was ready`, async (t) => {
    const service = await startService(t, { env: { PW_WARM_HOSTS: '2' } });
    const spares = await until('two spare hosts', () => {
      const found = sparesOf(service.pid);
      return found.length === 2 ? found : undefined;
    });
    await service.end(signal);
    await until('them to be gone', () => spares.every(({ pid }) => !isAlive(pid)) || undefined);
  });
}
