import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { helpText, readCommandLine } from '#dist/config/command-line.js';
import type { Config } from '#dist/config/config.js';
import { ConfigError } from '#dist/config/config-error.js';
import { settingsTable } from '#dist/config/settings.js';
import { temporaryDirectory } from '../support/temporary.js';

type Environment = Record<string, string>;

/** What is read from these flags and variables, with a workers directory that exists unless they name one. */
function read(t: TestContext, flags: string[], environment: Environment = {}): Config {
  const line = readCommandLine(flags, { PW_WORKERS_DIR: temporaryDirectory(t), ...environment });
  assert.ok(line.command === 'serve');
  return line.config;
}

/** The message of the refusal, which must be one line. */
function refusal(t: TestContext, flags: string[], environment: Environment = {}): string {
  try {
    const config = read(t, flags, environment);
    assert.fail(`${JSON.stringify([flags, environment])} was accepted: ${JSON.stringify(config)}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.doesNotMatch(error.message, /[\n\r]/, 'the message must be one line');
    return error.message;
  }
}

test('defaults', (t) => {
  const directory = temporaryDirectory(t);
  const { command, ...rest } = readCommandLine(['--workers-dir', directory], {});
  assert.equal(command, 'serve');
  assert.deepEqual(rest, {
    config: {
      tcp: { host: '127.0.0.1', port: 8080 },
      socket: undefined,
      workersDir: directory,
      stateDir: join(process.cwd(), '.parallel-workers'),
      feedDir: undefined,
      groupsFile: undefined,
      token: undefined,
      readToken: undefined,
      allowedHosts: [],
      rateLimit: 1000,
      workerEnv: [],
      permissions: false,
      maxWorkers: 64,
      maxGroups: 256,
      warmHosts: 1,
      shutdownSeconds: 25,
      logLevel: 'info',
      unknown: [],
    },
  });
});

/** Every setting that stands for itself, with a value that is not its default. */
const settings: { variable: string; flag: string; value: string; key: keyof Config; expected: unknown }[] = [
  {
    variable: 'PW_HOST',
    flag: '--host',
    value: '127.0.0.2',
    key: 'tcp',
    expected: { host: '127.0.0.2', port: 8080 },
  },
  {
    variable: 'PW_PORT',
    flag: '--port',
    value: '9000',
    key: 'tcp',
    expected: { host: '127.0.0.1', port: 9000 },
  },
  { variable: 'PW_STATE_DIR', flag: '--state-dir', value: '/state', key: 'stateDir', expected: '/state' },
  { variable: 'PW_RATE_LIMIT', flag: '--rate-limit', value: '0', key: 'rateLimit', expected: 0 },
  { variable: 'PW_MAX_WORKERS', flag: '--max-workers', value: '8', key: 'maxWorkers', expected: 8 },
  { variable: 'PW_MAX_GROUPS', flag: '--max-groups', value: '8', key: 'maxGroups', expected: 8 },
  { variable: 'PW_WARM_HOSTS', flag: '--warm-hosts', value: '0', key: 'warmHosts', expected: 0 },
  {
    variable: 'PW_SHUTDOWN_SECONDS',
    flag: '--shutdown-seconds',
    value: '0.5',
    key: 'shutdownSeconds',
    expected: 0.5,
  },
  { variable: 'PW_LOG_LEVEL', flag: '--log-level', value: 'debug', key: 'logLevel', expected: 'debug' },
];

/** Those that nothing is set for by default. */
const optional: typeof settings = [
  {
    variable: 'PW_SOCKET',
    flag: '--socket',
    value: '/run/pw.sock',
    key: 'socket',
    expected: '/run/pw.sock',
  },
  {
    variable: 'PW_GROUPS_FILE',
    flag: '--groups',
    value: '/etc/groups.yaml',
    key: 'groupsFile',
    expected: '/etc/groups.yaml',
  },
  { variable: 'PW_FEED_DIR', flag: '--feed-dir', value: '/feed', key: 'feedDir', expected: '/feed' },
  { variable: 'PW_TOKEN', flag: '--token', value: 'a-token', key: 'token', expected: 'a-token' },
  {
    variable: 'PW_ALLOWED_HOSTS',
    flag: '--allowed-hosts',
    value: 'Workers, workers.example,',
    key: 'allowedHosts',
    expected: ['workers', 'workers.example'],
  },
  {
    variable: 'PW_WORKER_ENV',
    flag: '--worker-env',
    value: 'AWS_*,HF_HOME',
    key: 'workerEnv',
    expected: ['AWS_*', 'HF_HOME'],
  },
];

test('each setting: its variable, its flag, and the flag wins', async (t) => {
  for (const { variable, flag, value, key, expected } of [...settings, ...optional]) {
    await t.test(variable, () => {
      const usual = read(t, [])[key];
      assert.notDeepEqual(usual, expected);
      assert.deepEqual(read(t, [], { [variable]: value })[key], expected);
      assert.deepEqual(read(t, [flag, value])[key], expected);
      assert.deepEqual(read(t, [`${flag}=${value}`])[key], expected);
      assert.deepEqual(read(t, [flag, value], { [variable]: 'nonsense' })[key], expected, 'the flag wins');
      assert.deepEqual(read(t, [], { [variable]: '' })[key], usual, 'an empty variable is none');
    });
  }
});

test('a socket alone closes the port; a port or an address beside it opens both', (t) => {
  const socket = ['--socket', '/run/pw.sock'];
  assert.equal(read(t, socket).tcp, undefined);
  assert.equal(read(t, socket, { PW_PORT: '' }).tcp, undefined);
  assert.deepEqual(read(t, [...socket, '--port', '8080']).tcp, { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(read(t, socket, { PW_HOST: '127.0.0.1' }).tcp, { host: '127.0.0.1', port: 8080 });
  assert.match(refusal(t, socket, { PW_HOST: '0.0.0.0' }), /PW_TOKEN/);
});

test('tokens, from the environment and from files', async (t) => {
  const directory = temporaryDirectory(t);
  const file = (name: string, content: string) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const secret = file('token', 's3cret\n');
  assert.equal(read(t, [], { PW_TOKEN_FILE: secret }).token, 's3cret', 'without the end of the line');
  assert.deepEqual(
    [read(t, ['--token-file', secret], { PW_READ_TOKEN: 'look' })].map(({ token, readToken }) => [
      token,
      readToken,
    ]),
    [['s3cret', 'look']],
  );
  assert.equal(read(t, ['--read-token-file', file('read', 'look')], { PW_TOKEN: 'a' }).readToken, 'look');

  const cases: [environment: Environment, says: RegExp][] = [
    [{ PW_TOKEN: 'a', PW_TOKEN_FILE: secret }, /PW_TOKEN and PW_TOKEN_FILE/],
    [{ PW_READ_TOKEN: 'hidden' }, /PW_READ_TOKEN needs PW_TOKEN/],
    [{ PW_TOKEN: 'hidden', PW_READ_TOKEN: 'hidden' }, /the same/],
    [{ PW_TOKEN: 'hidden token' }, /PW_TOKEN is not a token.*without spaces/],
    [{ PW_TOKEN: 'hid\nden' }, /PW_TOKEN is not a token/],
    [{ PW_TOKEN: 'hiddén' }, /PW_TOKEN is not a token/],
    [{ PW_TOKEN_FILE: file('empty', '\n') }, /PW_TOKEN_FILE=.*empty is not a token/],
    [{ PW_TOKEN_FILE: join(directory, 'missing') }, /PW_TOKEN_FILE=.*missing cannot be read/],
    [{ PW_TOKEN_FILE: directory }, /PW_TOKEN_FILE=.* cannot be read/],
    [{ PW_TOKEN_FILE: file('large', 'x'.repeat(5000)) }, /too large/],
  ];
  for (const [environment, says] of cases) {
    const message = refusal(t, [], environment);
    assert.match(message, says);
    assert.doesNotMatch(message, /hid/, 'a token is not repeated');
  }
});

test('the permission fence, where this Node has one', (t) => {
  const environment = { PW_PERMISSIONS: 'true' };
  if (Number.parseInt(process.versions.node, 10) >= 24) {
    assert.equal(read(t, [], environment).permissions, true);
    assert.equal(read(t, ['--permissions']).permissions, true);
  } else {
    assert.match(refusal(t, [], environment), /PW_PERMISSIONS=true.*Node 24 or later/);
    assert.match(refusal(t, ['--permissions']), /Node 24 or later/);
  }
});

test('the service goes by the name that it listens on', (t) => {
  const environment = { PW_TOKEN: 'a-token', PW_ALLOWED_HOSTS: 'workers' };
  assert.deepEqual(read(t, ['--host', 'Node7.example'], environment).allowedHosts, [
    'workers',
    'node7.example',
  ]);
  for (const host of ['0.0.0.0', '::', '::1'])
    assert.deepEqual(read(t, ['--host', host], environment).allowedHosts, ['workers']);
});

test('lists of names', async (t) => {
  const cases: [variable: string, value: string, says: RegExp][] = [
    ['PW_ALLOWED_HOSTS', 'http://workers', /"http:\/\/workers" is not a name of a host/],
    ['PW_ALLOWED_HOSTS', 'workers:8080', /without scheme and port/],
    ['PW_ALLOWED_HOSTS', '*', /"\*" is not a name/],
    ['PW_WORKER_ENV', 'PATH,A=1', /"A=1" has a value: give names only/],
    ['PW_WORKER_ENV', 'A B', /"A B" is no name of a variable/],
    ['PW_WORKER_ENV', 'PW_TOKEN', /"PW_TOKEN" is a setting of the service/],
    ['PW_WORKER_ENV', 'PW_*', /"PW_\*" is a setting of the service/],
  ];
  for (const [variable, value, says] of cases) assert.match(refusal(t, [], { [variable]: value }), says);
});

test('the workers directory: absolute in the end, by variable and by flag', (t) => {
  const [first, second] = [temporaryDirectory(t), temporaryDirectory(t)];
  assert.equal(read(t, [], { PW_WORKERS_DIR: first }).workersDir, first);
  assert.equal(read(t, ['--workers-dir', second], { PW_WORKERS_DIR: first }).workersDir, second);
  assert.equal(read(t, ['--workers-dir', '.']).workersDir, process.cwd());
});

test('the configuration cannot be changed', (t) => {
  assert.ok(Object.isFrozen(read(t, [])));
});

test('values that are not usable', async (t) => {
  const values: Record<string, { values: string[]; says: RegExp }> = {
    PW_PORT: {
      values: ['abc', '-1', '65536', '80.5', '8080x', 'true', 'null', 'NaN'],
      says: /integer|[<>]=/,
    },
    PW_MAX_WORKERS: { values: ['0', '-3', '4097', '1.5', 'many'], says: /integer|[<>]=/ },
    PW_SHUTDOWN_SECONDS: { values: ['-1', '3601', 'soon', '5s'], says: /number|[<>]=/ },
    PW_LOG_LEVEL: { values: ['loud', 'INFO', '30'], says: /fatal, error, warn, info, debug, trace, silent/ },
    PW_INSECURE: { values: ['yes', '1', 'TRUE'], says: /boolean|true/ },
  };
  for (const [variable, { values: bad, says }] of Object.entries(values)) {
    for (const value of bad) {
      await t.test(`${variable}=${value}`, () => {
        const message = refusal(t, [], { [variable]: value });
        assert.ok(message.includes(`${variable}=${value}`), message);
        assert.match(message, says);
      });
    }
  }
});

test('numbers are not guessed at', async (t) => {
  for (const variable of ['PW_PORT', 'PW_MAX_WORKERS', 'PW_SHUTDOWN_SECONDS']) {
    for (const value of ['Infinity', '-Infinity', '1e999']) {
      await t.test(`${variable}=${value} has no bound that it keeps`, () => {
        assert.match(refusal(t, [], { [variable]: value }), new RegExp(variable));
      });
    }
    for (const value of [' ', '\t']) {
      await t.test(`${variable}=${JSON.stringify(value)} is not 0`, () => {
        assert.match(refusal(t, [], { [variable]: value }), new RegExp(variable));
      });
    }
  }
});

test('the message is one line, whatever the value', async (t) => {
  for (const variable of ['PW_PORT', 'PW_HOST', 'PW_WORKERS_DIR', 'PW_LOG_LEVEL']) {
    await t.test(variable, () => {
      assert.match(refusal(t, [], { [variable]: 'a\nb\r\nc' }), new RegExp(variable));
    });
  }
});

test('flags that are none', async (t) => {
  const cases: [flags: string[], says: RegExp][] = [
    [['--prot', '1'], /--prot\b.*--help/],
    [['--bogus'], /--bogus.*--help/],
    [['-p', '80'], /-p.*--help/],
    [['server'], /server.*--help/],
    [['serve', 'more'], /more.*--help/],
    [['--port'], /--port.*--help/],
    [['--port', '--host', 'x'], /--port.*--help/],
    [['--insecure=yes'], /--insecure.*--help/],
  ];
  for (const [flags, says] of cases)
    await t.test(flags.join(' '), () => assert.match(refusal(t, flags), says));
});

test('only loopback, unless there is a token or PW_INSECURE=true', async (t) => {
  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.1.1',
    '10.0.0.1',
    'example.org',
    '127.0.0.1.example.org',
    '127.1.example',
  ]) {
    await t.test(`${host} is refused`, () => {
      const message = refusal(t, ['--host', host]);
      assert.match(message, /PW_INSECURE=true/);
      assert.ok(message.includes(host), message);
      assert.match(refusal(t, [], { PW_HOST: host, PW_INSECURE: 'false' }), /PW_INSECURE=true/);
      assert.match(refusal(t, [], { PW_HOST: host, PW_INSECURE: '' }), /PW_INSECURE=true/);
    });
    await t.test(`${host} is allowed with PW_INSECURE=true`, () => {
      assert.equal(read(t, ['--host', host], { PW_INSECURE: 'true' }).tcp?.host, host);
      assert.equal(read(t, ['--host', host], { PW_TOKEN: 'a-token' }).tcp?.host, host);
      assert.equal(read(t, ['--insecure'], { PW_HOST: host, PW_INSECURE: 'false' }).tcp?.host, host);
    });
  }
  for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '::1'])
    await t.test(`${host} is allowed`, () => assert.equal(read(t, ['--host', host]).tcp?.host, host));
});

test('a workers directory that is none', async (t) => {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const circle = join(directory, 'circle');
  symlinkSync(circle, circle);
  const long = join(directory, 'x'.repeat(300));
  for (const path of [join(directory, 'missing'), file, join(file, 'below'), circle, long]) {
    await t.test(path.slice(0, 80), () => {
      for (const message of [refusal(t, [], { PW_WORKERS_DIR: path }), refusal(t, ['--workers-dir', path])]) {
        assert.match(message, /PW_WORKERS_DIR/);
        assert.ok(message.includes(path), message);
      }
    });
  }
});

test('variables that look like settings are told', (t) => {
  const environment = {
    PW_PROT: '1',
    PW_PORT: '9000',
    PW_TEST_REQUIRE: 'all',
    PW_: '',
    PATH: '/bin',
    XPW_A: '1',
  };
  const { unknown, tcp } = read(t, [], environment);
  assert.deepEqual(unknown, ['PW_PROT', 'PW_']);
  assert.equal(tcp?.port, 9000);
});

test('--help and --version ask for nothing else', () => {
  const broken = { PW_PORT: 'abc', PW_WORKERS_DIR: '/nowhere' };
  for (const flag of ['--help', '-h']) assert.deepEqual(readCommandLine([flag], broken), { command: 'help' });
  assert.deepEqual(readCommandLine(['--version'], broken), { command: 'version' });
  assert.deepEqual(readCommandLine(['serve', '--version'], broken), { command: 'version' });
});

test('the help has every setting, with its flag, default and meaning', (t) => {
  const table = settingsTable();
  const elsewhere = [
    'PW_WORKERS_DIR',
    'PW_INSECURE',
    'PW_TOKEN_FILE',
    'PW_READ_TOKEN',
    'PW_READ_TOKEN_FILE',
    'PW_PERMISSIONS',
  ];
  assert.deepEqual(
    table.map(({ variable }) => variable).sort(),
    [...[...settings, ...optional].map(({ variable }) => variable), ...elsewhere].sort(),
    'a setting without a test here',
  );
  for (const row of table) {
    const name = row.variable === 'PW_GROUPS_FILE' ? 'PW_GROUPS' : row.variable;
    assert.equal(row.flag, `--${name.slice(3).toLowerCase().replaceAll('_', '-')}`);
    const line =
      helpText()
        .split('\n')
        .find((text) => text.includes(`${row.variable} `)) ?? '';
    for (const part of [row.flag, row.default, row.meaning])
      assert.ok(part !== '' && line.includes(part), `${row.variable}: "${part}" is not in "${line}"`);
    if (row.default === 'none' || row.variable === 'PW_WORKERS_DIR') continue;
    const environment = { [row.variable]: row.default };
    assert.deepEqual({ ...read(t, [], environment), workersDir: '' }, { ...read(t, []), workersDir: '' });
  }
});
