import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { settingsTable } from '#dist/config/settings.js';
import { type Run, run } from '../support/command.js';
import { MODULES, ROOT, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** One line on standard error, exit code 2, and nothing else. */
function assertRefused({ code, stdout, stderr }: Run, says: RegExp): void {
  assert.equal(code, 2, `exit code ${code}: ${stderr}`);
  assert.match(stderr, /^parallel-workers: [^\n]+\n$/, 'exactly one line on standard error');
  assert.match(stderr, says);
  assert.equal(stdout, '');
}

test('what is not usable is one line on standard error and exit code 2', async (t) => {
  const directory = temporaryDirectory(t);
  const here = ['--workers-dir', MODULES];
  const cases: { what: string; flags: string[]; environment?: Record<string, string>; says: RegExp }[] = [
    { what: 'a value of a flag', flags: [...here, '--port', 'abc'], says: /PORT.*abc.*integer/ },
    { what: 'a command that is none', flags: ['statsu'], says: /no command "statsu"/ },
    { what: 'a command of two lines', flags: ['sta\ntus'], says: /no command "sta\\ntus"/ },
    { what: 'a variable', flags: here, environment: { PW_MAX_WORKERS: '0' }, says: /PW_MAX_WORKERS=0.*>= 1/ },
    {
      what: 'a value of two lines',
      flags: here,
      environment: { PW_PORT: '80\n90' },
      says: /PW_PORT.*integer/,
    },
    { what: 'an endless port', flags: here, environment: { PW_PORT: 'Infinity' }, says: /PW_PORT=Infinity/ },
    { what: 'a flag that is none', flags: ['--prot', '80'], says: /--prot.*--help/ },
    {
      what: 'an address for all',
      flags: [...here, '--host', '0.0.0.0'],
      says: /0\.0\.0\.0.*PW_INSECURE=true/,
    },
    {
      what: 'a workers directory that is not there',
      flags: ['--workers-dir', join(directory, 'missing')],
      says: /PW_WORKERS_DIR.*missing.*create/,
    },
    {
      what: 'a workers directory that cannot be looked up',
      flags: ['--workers-dir', join(directory, 'x'.repeat(300))],
      says: /PW_WORKERS_DIR/,
    },
  ];
  for (const { what, flags, environment, says } of cases)
    await t.test(what, async (t) => assertRefused(await run(t, flags, environment), says));
});

test('the default workers directory is not there: the line says what to create', async (t) => {
  const directory = temporaryDirectory(t);
  assertRefused(await run(t, [], {}, directory), /create .*workers/);
});

test('a port in use is one clear line', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.after(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const flags = ['--workers-dir', MODULES, '--port', String(port)];
  assertRefused(await run(t, flags), new RegExp(`127\\.0\\.0\\.1 port ${port}.*another program uses it`));
});

test('an address that this machine does not have is one clear line', async (t) => {
  // 203.0.113.0/24 is kept for documentation (RFC 5737): nobody has it.
  const flags = ['--workers-dir', MODULES, '--port', '0', '--host', '203.0.113.1', '--insecure'];
  assertRefused(await run(t, flags), /cannot listen on 203\.0\.113\.1/);
});

test('help is what people type', async (t) => {
  const { stdout } = await run(t, ['--help']);
  assert.equal((await run(t, ['help'])).stdout, stdout);
  assert.equal((await run(t, ['help', 'start'])).stdout, (await run(t, ['start', '--help'])).stdout);
});

test('--help prints every setting', async (t) => {
  const { code, stdout, stderr } = await run(t, ['--help'], { PW_PORT: 'abc' });
  assert.deepEqual([code, stderr], [0, '']);
  const lines = stdout.split('\n');
  for (const { variable, flag, default: usual, meaning } of settingsTable()) {
    const line = lines.find((text) => text.includes(`${flag} `)) ?? '';
    for (const part of [variable, usual, meaning])
      assert.ok(line.includes(part), `${flag}: "${part}" is not in "${line}"`);
  }
  for (const flag of ['--help', '--version']) assert.match(stdout, new RegExp(`^ *${flag} `, 'm'));
});

test('--version prints the version of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  assert.deepEqual(await run(t, ['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
});

test('variables are read, flags win, and a variable that is no setting is told', async (t) => {
  const service = await startService(t, {
    flags: ['--max-workers', '3'],
    env: { PW_MAX_WORKERS: '2', PW_PROT: '8080', PW_TEST_THING: '1' },
  });
  await service.register({ name: 'three', module: 'empty.mjs', workers: 3 });
  const { status, body } = await service.call('POST', '/v1/groups', {
    name: 'four',
    module: 'empty.mjs',
    workers: 4,
  });
  assert.deepEqual([status, body.errors?.[0]?.pointer], [400, '/workers'], body.detail);
  const warning = await until('a warning of PW_PROT', () =>
    service.log.find(({ msg }) => msg.includes('PW_PROT')),
  );
  assert.equal(warning.level, 40);
  assert.ok(!service.log.some(({ msg }) => msg.includes('PW_TEST_THING')));
});
