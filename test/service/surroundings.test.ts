import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import test from 'node:test';
import { probe, tellsOf } from '../support/probe.js';
import { startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** What every worker tells here. */
const PROBE = probe({
  child: "childProcess.execFileSync('echo').length",
  environment: 'process.env',
  directory: 'process.cwd()',
  entries: "fs.readdirSync('.')",
  written: "fs.writeFileSync('own-file', 'text')",
  descriptors: `Object.fromEntries(fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    try { return [[fd, fs.readlinkSync('/proc/self/fd/' + fd)]]; } catch { return []; }
  }))`,
});

/** Whether its young generation grows beyond 8 MiB where much lives on, and what Node's flags of a process are that it forks. */
const HEAPS = probe({
  grown: `(async () => {
    const { getHeapSpaceStatistics } = await import('node:v8');
    const isYoung = ({ space_name }) => space_name === 'new_space';
    const kept = [];
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 10_000; i++) kept[i] = { round, i };
      if (getHeapSpaceStatistics().find(isYoung).space_size > 8 * 2 ** 20) return true;
    }
    return false;
  })()`,
  forked: `new Promise((resolve, reject) => {
    const script = process.cwd() + '/child.cjs';
    fs.writeFileSync(script, 'process.send(process.execArgv)');
    childProcess.fork(script).once('message', resolve).once('error', reject);
  })`,
  inThread: `new Promise((resolve, reject) => {
    const code = "require('node:worker_threads').parentPort.postMessage(process.execArgv)";
    new Worker(code, { eval: true }).once('message', resolve).once('error', reject);
  })`,
});

/** Removes its working directory in its first life. */
const REMOVES = `import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
export default (_id, ctx) => {
  const flag = new URL('flag', import.meta.url);
  if (!existsSync(flag)) {
    writeFileSync(flag, '');
    rmSync(process.cwd(), { recursive: true });
    throw new Error('once');
  }
  writeFileSync('file', '');
  console.log('again in ' + process.cwd() + ', ' + JSON.stringify(readdirSync('.')));
  ctx.finish();
};`;

const CONNECTIONS = 50;

test('a worker gets the usual environment and what is named, and no secret of the service', async (t) => {
  const service = await startService(t, {
    workersDir: workersDir(t, { 'probe.mjs': PROBE }),
    env: {
      PW_WORKER_ENV: 'PROBE_NAMED, PROBE_MANY_*',
      PROBE_NAMED: 'named',
      PROBE_MANY_A: 'a',
      PROBE_SECRET: 'secret',
      PW_TEST_SECRET: 'secret',
      NODE_OPTIONS: '--title=of-the-service',
      TZ: 'Pacific/Chatham',
    },
  });
  const permissions = { read: ['/nowhere'] };
  await service.register({ name: 'a', module: 'probe.mjs', workers: 1, permissions });
  const { environment: told, child } = await tellsOf(service, 'a');
  const environment = told as Record<string, string>;
  const { PROBE_NAMED, PROBE_MANY_A, TZ, PATH, HOME } = environment;
  assert.deepEqual([PROBE_NAMED, PROBE_MANY_A, TZ], ['named', 'a', 'Pacific/Chatham']);
  assert.deepEqual([PATH, HOME], [process.env['PATH'], process.env['HOME']]);
  const usual =
    /^(PROBE_(NAMED|MANY_A)|PATH|HOME|TMPDIR|LANG|LC_.*|TZ|LD_LIBRARY_PATH|SSL_CERT_(FILE|DIR)|NODE_(ENV|EXTRA_CA_CERTS|V8_COVERAGE))$/;
  assert.deepEqual(
    Object.keys(environment).filter((name) => !usual.test(name)),
    [],
  );
  assert.equal(child, 1, 'without the fence a spec’s permissions change nothing');
  const none = { read: [], write: [], childProcess: false, addons: false, wasi: false };
  assert.deepEqual((await service.status('a')).spec.permissions, { ...none, ...permissions });
});

test('the heaps of workers, and of what they fork, are those that Node gives them', async (t) => {
  const youngGeneration = (options: object) =>
    startService(t, { workersDir: workersDir(t, { 'probe.mjs': HEAPS }), ...options });
  const usual = await youngGeneration({});
  const feed = { capacity: 1 };
  await usual.register({ name: 'a', module: 'probe.mjs', workers: 1, feed });
  const heaps = await tellsOf(usual, 'a');
  assert.equal(heaps['grown'], true);
  assert.deepEqual(heaps['forked'], []);
  assert.deepEqual(heaps['inThread'], []);
  const NODE_OPTIONS = '--max-semi-space-size=1';
  const asked = await youngGeneration({ env: { PW_WORKER_ENV: 'NODE_OPTIONS', NODE_OPTIONS } });
  await asked.register({ name: 'a', module: 'probe.mjs', workers: 1, feed });
  assert.equal((await tellsOf(asked, 'a'))['grown'], false, 'who asks for another one gets it');
});

test('a worker’s directory is its group’s own: empty, and gone once the host is', async (t) => {
  const state = temporaryDirectory(t);
  const flags = ['--state-dir', state];
  const directory = workersDir(t, { 'probe.mjs': PROBE, 'removes.mjs': REMOVES });
  // One that is ready would have a directory, too.
  const service = await startService(t, { workersDir: directory, flags: [...flags, '--warm-hosts', '0'] });
  const hosts = join(state, 'hosts');
  for (const name of ['a', 'b']) await service.register({ name, module: 'probe.mjs' });
  const [a, b] = [await tellsOf(service, 'a'), await tellsOf(service, 'b')].map((told) => ({
    ...told,
    directory: String(told['directory']),
    entries: told['entries'] as string[],
  }));
  assert.ok(a && b);
  assert.deepEqual(
    [dirname(a.directory), dirname(b.directory)].map((path) => basename(path)),
    ['hosts', 'hosts'],
  );
  assert.notEqual(a.directory, b.directory);
  for (const { entries } of [a, b])
    assert.deepEqual(
      entries.filter((entry) => entry !== 'own-file'),
      [],
    );
  assert.equal(existsSync(join(a.directory, 'own-file')), true);

  const restart = { policy: 'on-failure', backoff: { initialSeconds: 0 } };
  await service.register({ name: 'removes', module: 'removes.mjs', workers: 1, restart });
  await service.start('removes');
  const again = await until('a worker that removed it to live again', () =>
    service.log.find(({ msg }) => msg.startsWith('again in ')),
  );
  assert.match(again.msg, /hosts\/host-[^/]+, \["file"\]$/);
  await service.call('DELETE', '/v1/groups/removes');

  await service.stop('a');
  await until('the directory of a to be removed', () => !existsSync(a.directory) || undefined);
  assert.equal(existsSync(b.directory), true, 'the neighbour keeps its own');
  const { host } = await service.status('b');
  process.kill(host.pid, 'SIGKILL');
  await until('the directory of a host that died to be removed', () => !existsSync(b.directory) || undefined);

  await service.start('b');
  const left = readdirSync(hosts);
  assert.equal(left.length, 1);
  await service.end('SIGKILL');
  assert.deepEqual(readdirSync(hosts), left, 'nobody was there to remove it');
  const next = await startService(t, { workersDir: directory, flags });
  // The group that ran is on its way back, and may have a new one already.
  assert.deepEqual(
    readdirSync(hosts).filter((name) => left.includes(name)),
    [],
  );
  await next.register({ name: 'c', module: 'probe.mjs' });
  await next.start('c');
  assert.equal(await next.end(), 0);
  assert.deepEqual(readdirSync(hosts), [], 'a service that ends in order leaves none');
});

test('a worker has no descriptor of the service: no socket, no connection, no file', async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'file');
  writeFileSync(file, 'of the service');
  const service = await startService(t, {
    workersDir: workersDir(t, { 'probe.mjs': PROBE }),
    // Whoever starts the service may leave it descriptors; Node takes care of the low ones by itself.
    launcher: ['bash', '-c', `exec 7<"${file}" 143<"${file}"; exec "$@"`, '--'],
  });
  const { hostname, port } = new URL(service.url);
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(Number(port), hostname));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const open = () => readdirSync(`/proc/${service.pid}/fd`).flatMap((fd) => targetOf(service.pid, fd));
  await until('the service to have all connections', () => open().length > CONNECTIONS || undefined);
  await service.register({ name: 'a', module: 'probe.mjs', workers: 1 });
  const told = (await tellsOf(service, 'a'))['descriptors'] as Record<string, string>;

  const ofService = new Set(open());
  assert.ok(ofService.has(file), 'the service itself has the file');
  assert.deepEqual(
    Object.entries(told).filter(([, target]) => ofService.has(target)),
    [],
  );
  const { 0: input, 1: output, 2: error, 3: channel, ...rest } = told;
  assert.equal(input, '/dev/null');
  for (const target of [output, error, channel]) assert.match(target ?? '', /^socket:/);
  // The rest is what event loops are made of, and the socket of the worker's standard output.
  for (const [fd, target] of Object.entries(rest))
    assert.match(target, /^(anon_inode:|pipe:|socket:|\/dev\/|\/proc\/)/, `descriptor ${fd}`);
});

/** What a descriptor is, unless it is of a kind that every process has one of. */
function targetOf(pid: number, fd: string): string[] {
  try {
    const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return /^(anon_inode:|\/dev\/)/.test(target) ? [] : [target];
  } catch {
    return []; // Closed by now.
  }
}
