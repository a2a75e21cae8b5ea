import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { fenceRefusal } from '#dist/config/fence-refusal.js';
import { socketOf, Taker } from '../support/feed.js';
import { probe, tellsOf } from '../support/probe.js';
import { MODULES, ROOT, startService, until } from '../support/service.js';
import { lines, temporaryDirectory } from '../support/temporary.js';
import { workersDir, writeFiles } from '../support/workers-dir.js';

const DENIED = 'ERR_ACCESS_DENIED';

/** On a Node without the fence the refusal is tested, on one with it the fence. */
if (fenceRefusal() !== undefined) {
  test('a service that cannot fence its hosts says so and does not start', () => {
    const args = [`${ROOT}dist/server.js`, '--port', '0', '--workers-dir', MODULES];
    const env = { ...process.env, PW_PERMISSIONS: 'true' };
    const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 30_000 });
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^parallel-workers: PW_PERMISSIONS.* needs Node 24 or later.* runs on \d+\.\d+\.\d+\n$/,
    );
  });
} else {
  test('a fenced host serves its feed', async (t) => {
    const service = await startService(t, { flags: ['--permissions'] });
    await service.register({ name: 'fed', module: 'feeds.mjs', params: { bytes: 1024 }, feed: {} });
    await service.start('fed');
    const taker = Taker.atSocket(await socketOf(service, 'fed'));
    t.after(() => taker.close());
    assert.equal((await taker.several(1))?.[0]?.bytes, 1024);
  });

  test('a fenced host reads its modules, writes to its own directory, and gets what is granted', async (t) => {
    const data = realpathSync(temporaryDirectory(t));
    writeFiles(data, { 'in/file': 'data', 'more/file': 'data' });
    mkdirSync(join(data, 'out'));
    const attempts = {
      module: "fs.readFileSync(new URL('probe.js', import.meta.url)).length > 0",
      dependency: "import('./dependency.js').then((module) => module.default)",
      etc: "fs.readFileSync('/etc/hostname', 'utf8')",
      state: `fs.readdirSync(${JSON.stringify(join(data, 'state'))})`,
      ownFile: "fs.writeFileSync('own-file', 'text') ?? fs.readFileSync('own-file', 'utf8')",
      besideModule: "fs.writeFileSync(new URL('other.js', import.meta.url), '') ?? 'written'",
      granted: `fs.readFileSync(${JSON.stringify(join(data, 'in/file'))}, 'utf8')`,
      notGranted: `fs.readFileSync(${JSON.stringify(join(data, 'more/file'))}, 'utf8')`,
      written: `fs.writeFileSync(${JSON.stringify(join(data, 'out/file'))}, 'text') ?? 'written'`,
      writtenToRead: `fs.writeFileSync(${JSON.stringify(join(data, 'in/file'))}, 'text') ?? 'written'`,
      child: "childProcess.execFileSync('echo', ['text'], { encoding: 'utf8' })",
      addon: "process.dlopen({ exports: {} }, './missing.node')",
      thread: `new Promise((resolve, reject) => {
        const text = "require('node:fs').readFileSync('/etc/hostname')";
        new Worker(text, { eval: true }).once('error', reject).once('exit', () => resolve('ended'));
      })`,
      service: "fs.readFileSync(['/proc', process.ppid, 'task', process.ppid, 'environ'].join('/'), 'utf8')",
      options: 'process.env.NODE_OPTIONS ?? null',
    };
    const service = await startService(t, {
      workersDir: workersDir(t, {
        'probe.js': probe(attempts),
        'dependency.js': "export default 'dependency';",
      }),
      flags: ['--state-dir', join(data, 'state')],
      env: { PW_PERMISSIONS: 'true', PW_WORKER_ENV: 'NODE_OPTIONS', NODE_OPTIONS: '--title=service' },
    });
    await service.register({ name: 'plain', module: 'probe.js', workers: 1 });
    const plain = await tellsOf(service, 'plain');
    assert.deepEqual(plain, {
      module: true,
      dependency: 'dependency',
      etc: DENIED,
      state: DENIED,
      ownFile: 'text',
      besideModule: DENIED,
      granted: DENIED,
      notGranted: DENIED,
      written: DENIED,
      writtenToRead: DENIED,
      child: DENIED,
      addon: 'ERR_DLOPEN_DISABLED',
      thread: DENIED,
      service: DENIED,
      options: null,
    });
    const permissions = {
      read: [join(data, 'in')],
      write: [join(data, 'out')],
      childProcess: true,
      addons: true,
    };
    await service.register({ name: 'granted', module: 'probe.js', workers: 1, permissions });
    const granted = await tellsOf(service, 'granted');
    assert.deepEqual(
      { ...granted, addon: undefined },
      { ...plain, granted: 'data', written: 'written', child: 'text\n', addon: undefined },
    );
    assert.equal(granted['addon'], 'ERR_DLOPEN_FAILED', 'it was looked for');
    assert.deepEqual(lines(join(data, 'out/file')), ['text']);
    // Node warns of each of the permissions that it is given, once a thread.
    const warnings = service.log.filter(({ msg }) => /Warning/.test(msg)).map(({ msg }) => msg);
    assert.deepEqual(warnings, []);
    assert.equal((await service.stop('granted')).success, true);
  });

  test('what a fenced host cannot do hurts nothing that the service does with it', async (t) => {
    const directory = workersDir(t, {
      'spin.mjs': 'export default function spinning() { for (;;); }',
      'etc.mjs': `import { readFileSync } from 'node:fs';
export const init = () => readFileSync('/etc/hostname', 'utf8');
export default () => {};`,
      'syntax.mjs': 'export default () => {;\n',
      'heap.mjs': 'const all = []; export default () => { all.push(new Array(1e5).fill(0.5)); };',
      'logger.mjs': "export const log = ({ worker_time_count }) => console.log('logged', worker_time_count);",
      'ok.mjs': 'export default async (_id, ctx) => { await ctx.sleep(0.01); };',
    });
    const service = await startService(t, { workersDir: directory, env: { PW_PERMISSIONS: 'true' } });

    await t.test('a stall is told with its place', async () => {
      await service.register({ name: 'spin', module: 'spin.mjs', workers: 1, iterationTimeoutSeconds: 0.3 });
      await service.start('spin');
      const { reason } = await service.reaches('spin', 'failed');
      assert.match(reason, /it hangs at spinning \(.*spin\.mjs:1:\d+\)/);
    });
    await t.test('a module that cannot be parsed is told, if without its place', async () => {
      await service.register({ name: 'syntax', module: 'syntax.mjs' });
      const { body } = await service.call('POST', '/v1/groups/syntax/start');
      assert.deepEqual([body.code, /Unexpected/.test(body.detail)], ['module_failed', true]);
    });
    await t.test('an error of the fence says what to grant', async () => {
      await service.register({ name: 'etc', module: 'etc.mjs' });
      const { body } = await service.call('POST', '/v1/groups/etc/start');
      assert.equal(body.code, 'init_failed');
      assert.match(
        body.detail,
        /no read of \/etc\/hostname: grant it by permissions\.read of the group's spec/,
      );
      assert.doesNotMatch(body.detail, /--allow/);
    });
    await t.test('priority, scale and loggers work', async () => {
      const spec = {
        name: 'ok',
        module: 'ok.mjs',
        loggers: ['logger.mjs'],
        logIntervalSeconds: 0.1,
        nice: 5,
      };
      await service.register(spec);
      await service.start('ok');
      assert.equal((await service.call('PATCH', '/v1/groups/ok', { workers: 3 })).status, 200);
      await until(
        'the logger to be called',
        () => service.log.some(({ msg }) => msg.startsWith('logged')) || undefined,
      );
      const { host } = await service.status('ok');
      const nices = readdirSync(`/proc/${host.pid}/task`).map((thread) => getPriority(Number(thread)));
      assert.deepEqual([...new Set(nices)], [getPriority() + 5]);
      assert.equal((await service.stop('ok')).success, true);
    });
    await t.test('a heap over its limit fails its group alone', async () => {
      await service.register({ name: 'heap', module: 'heap.mjs', workers: 1, limits: { heapMb: 32 } });
      await service.call('POST', '/v1/groups/heap/start?wait=false');
      const { failures } = await service.reaches('heap', 'failed');
      assert.equal(failures[0].kind, 'memory');
    });
  });
}
