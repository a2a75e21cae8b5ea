import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { COMMANDS } from '#dist/cli/commands.js';
import { helpOf } from '#dist/cli/syntax.js';
import { type ClientRun, runClientCommand } from '../support/client-command.js';
import { run } from '../support/command.js';
import { listeningApp } from '../support/listening-app.js';
import { PseudoTerminal } from '../support/pseudo-terminal.js';
import { requires } from '../support/requires.js';
import { ROOT, type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

/** What tells a program on a CI system from one on a terminal must not matter. */
const CI = { CI: 'true', GITHUB_ACTIONS: 'true', FORCE_COLOR: '', NO_COLOR: '', TERM: 'xterm' };

function asking(url: string) {
  return (...args: string[]) => runClientCommand(args, { ...CI, PW_URL: url });
}

/** The cells of each line of a table. */
function cells(stdout: string): string[][] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/).map((cell) => cell.trim()));
}

/** Nothing but one line on standard error. */
function assertOneLine({ stdout, stderr }: ClientRun, says: RegExp): void {
  assert.equal(stdout, '');
  assert.match(stderr, /^parallel-workers [^\n]+\n$/);
  assert.match(stderr, says);
}

test('standard output that cannot be written is told in a line, and an exit code', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'a', module: 'sleeps.mjs' });
  const command = `exec "$0" dist/server.js status --url ${service.url} > /dev/full`;
  const child = spawn('/bin/sh', ['-c', command, process.execPath], { cwd: ROOT });
  t.after(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 1);
  assert.match(stderr, /^standard output cannot be written: .*ENOSPC.*\n$/);
});

test('a session: status, start, stop and restart, by name, by label and all', async (t) => {
  const service = await startService(t);
  const ask = asking(service.url);
  const labels = { role: 'train' };
  await service.register({ name: 'one', module: 'millisecond.mjs', labels });
  await service.register({ name: 'two', module: 'millisecond.mjs', workers: 1 });
  await service.register({ name: 'broken', module: 'throws.mjs', params: { index: 0, at: 3 } });
  await service.register({ name: 'missing', module: 'setup-waits.mjs', startTimeoutSeconds: 0.2 });
  await service.register({ name: 'deaf', module: 'spin.mjs', workers: 1, stopGraceSeconds: 0.1 });

  await t.test('start by name, with one that does not exist', async () => {
    const { code, stdout } = await ask('start', 'two', 'one', 'trian');
    assert.equal(code, 1);
    const [, ...rows] = cells(stdout);
    assert.deepEqual(
      rows.map(([name, state]) => [name, state]),
      [
        ['two', 'running'],
        ['one', 'running'],
        ['trian', 'unknown'],
      ],
    );
    assert.match(stdout, /There is no group "trian"/);
  });
  await t.test('a start that fails, as JSON', async () => {
    const { code, stdout } = await ask('start', 'missing', '--json');
    const { success, groups } = JSON.parse(stdout);
    assert.deepEqual([code, success, groups.length], [1, false, 1]);
    assert.deepEqual([groups[0].name, groups[0].success, groups[0].state], ['missing', false, 'failed']);
    assert.match(groups[0].reason, /start_timeout/);
  });
  await t.test('status of all: 1, for one has failed', async () => {
    await until('calls of one', async () => (await service.status('one')).totals.iterations || undefined);
    const { code, stdout, stderr } = await ask('status');
    const [titles = [], ...rows] = cells(stdout);
    assert.deepEqual([code, stderr], [1, '']);
    assert.deepEqual(titles.slice(0, 5), ['GROUP', 'STATE', 'SINCE', 'DESIRED', 'WORKERS']);
    assert.deepEqual(
      rows.map(([name, state]) => `${name} ${state}`),
      ['one running', 'two running', 'broken registered', 'missing failed', 'deaf registered'],
    );
    assert.match(stdout, /^one +running +\d+ s +running +2\/2 +[\d,]+ +0 +[\d.]+ (ms|µs) +0 +\d+ MiB$/m);
  });
  await t.test('status of one, with its workers; of one that does not exist; by label; as JSON', async () => {
    const one = await ask('status', 'one');
    assert.equal(one.code, 0, one.stderr);
    assert.match(one.stdout, /\none:\nWORKER .*\n +0 +0 +running .*\n +1 +1 +running .*\n$/);
    const both = await ask('status', 'one', 'trian');
    assert.equal(both.code, 1);
    assert.match(both.stderr, /^parallel-workers status: There is no group "trian"[^\n]+\n$/);
    const labelled = await ask('status', '-l', 'role=train', '--json');
    assert.equal(labelled.code, 0);
    const [line = '', rest] = labelled.stdout.split('\n');
    assert.deepEqual([JSON.parse(line).groups.length, rest], [1, '']);
    assert.equal(JSON.parse(line).groups[0].spec.labels.role, 'train');
    const nobody = await ask('status', 'trian');
    assert.equal(nobody.code, 1);
    assertOneLine(nobody, /There is no group "trian"/);
    const none = await ask('status', '--label', 'role=none');
    assert.equal(none.code, 0);
    assertOneLine(none, /no group has these labels/);
  });
  await t.test('restart', async () => {
    const { host } = await service.status('one');
    const { code, stdout } = await ask('restart', 'one', '--json');
    assert.deepEqual([code, JSON.parse(stdout).success], [0, true]);
    assert.notEqual((await service.status('one')).host.pid, host.pid);
    const labelled = await ask('restart', '--label', 'role=train');
    assert.deepEqual([labelled.code, cells(labelled.stdout)[1]], [0, ['one', 'running']]);
  });
  await t.test('a stop that has to kill', async () => {
    await service.start('deaf');
    await service.inTheCall('deaf', 1);
    const { code, stdout } = await ask('stop', 'one', 'deaf', '--json');
    const { success, groups } = JSON.parse(stdout);
    assert.deepEqual([code, success], [1, false]);
    const killed = (await service.status('deaf')).workers.map(({ id }: { id: number }) => id);
    assert.deepEqual(
      groups.map((group: Record<string, unknown>) => [
        group['name'],
        group['success'],
        group['state'],
        group['killed'],
      ]),
      [
        ['one', true, 'stopped', []],
        ['deaf', false, 'stopped', killed],
      ],
    );
  });
  await t.test('labels that no group has, and all', async () => {
    const none = await ask('stop', '--label', 'role=none');
    assert.equal(none.code, 1);
    assertOneLine(none, /no group has these labels/);
    const all = await ask('stop', '--all');
    assert.equal(all.code, 0, all.stderr);
    assert.equal(cells(all.stdout).length, 6);
    assert.deepEqual((await service.status('two')).state, 'stopped');
  });
});

test('wrong usage is one line, exit code 2, and asks nobody', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'two'), 'a b\n');
  const cases: [args: string[], environment: Record<string, string>, says: RegExp][] = [
    [['stop'], {}, /name the groups to stop, or give --all/],
    [['start', 'a', '--all'], {}, /one of these/],
    [['restart', 'a', '-l', 'a=b'], {}, /one of these/],
    // These would lead to other paths of the API.
    [['stop', '..'], {}, /"\.\." is no name/],
    [['stop', 'a/../../stop'], {}, /is no name/],
    [['status', '--label', 'role'], {}, /key=value/],
    [['status', '--jsno'], {}, /--jsno/],
    [['status', '--port', '9000'], {}, /--port is a flag of the service.* --url, as http:/],
    [['status', '--version'], {}, /: Unknown option '--version'/],
    [['logs', 'a', '--token=secret'], {}, /--token is a flag of the service.* --token-file/],
    [['status', '--url', 'localhost:8080'], {}, /is no address/],
    [['status', '--url', 'http://user:secret@localhost'], {}, /holds a password/],
    [['status', '--url', 'http://a', '--socket', 'b'], {}, /both given/],
    [['status'], { PW_PORT: '8080x' }, /PW_PORT.* is no address/],
    [['status', '--token-file', join(directory, 'gone')], {}, /--token-file=\S+gone cannot be read/],
    [['status', '--token-file', join(directory, 'two')], {}, /--token-file=\S+two is not a token/],
    [['status'], { PW_TOKEN: 'a', PW_TOKEN_FILE: 'b' }, /both set/],
    [['completion'], {}, /name one shell/],
    [['completion', 'tcsh'], {}, /name one shell/],
  ];
  for (const [args, environment, says] of cases) {
    const ran = await runClientCommand(args, { ...CI, ...environment });
    assert.equal(ran.code, 2, `${args.join(' ')}: ${ran.stderr}`);
    assertOneLine(ran, says);
    assert.doesNotMatch(ran.stderr, /secret/);
  }
});

test('a service that is not there, or is another, is exit code 3', async (t) => {
  const other = createServer((_request, response) => response.end('<html>hello</html>')).listen(
    0,
    '127.0.0.1',
  );
  t.after(() => other.close());
  await once(other, 'listening');
  const stranger = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const missing = join(temporaryDirectory(t), 'pw.sock');
  const cases: [args: string[], says: RegExp][] = [
    [['status', '--url', 'http://127.0.0.1:1'], /127\.0\.0\.1:1 is not reachable: nobody listens there/],
    [['stop', '--all', '--socket', missing, '--json'], /pw\.sock is not reachable: there is no such socket/],
    [['top', '--once', '--url', 'http://127.0.0.1:1'], /is not reachable/],
    [['status', '--url', stranger], /is no parallel-workers service/],
  ];
  for (const [args, says] of cases) {
    const ran = await runClientCommand(args, CI);
    assert.equal(ran.code, 3, ran.stderr);
    assertOneLine(ran, says);
  }
});

test('a token comes from a file or a variable; without the right one it is refused', async (t) => {
  const [token, readToken] = ['correct-horse', 'only-for-looking'];
  const { fetch, url } = await listeningApp(t, { access: { token, readToken } });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  await fetch('POST', '/v1/groups', headers, JSON.stringify({ name: 'a', module: 'empty.mjs' }));
  const directory = temporaryDirectory(t);
  const file = join(directory, 'token');
  writeFileSync(file, `${token}\n`);
  const cases: [args: string[], environment: Record<string, string>, code: number, says: RegExp][] = [
    [['status'], {}, 1, /\(unauthorized\)/],
    [['status', 'a'], { PW_TOKEN: 'wrong' }, 1, /\(unauthorized\)/],
    [['status'], { PW_READ_TOKEN: readToken }, 0, /^$/],
    [['start', 'a'], { PW_READ_TOKEN: readToken }, 1, /\(read_only_token\)/],
    [['start', 'a'], { PW_TOKEN_FILE: file }, 0, /^$/],
    [['stop', 'a'], { PW_TOKEN: token, PW_READ_TOKEN: readToken }, 0, /^$/],
    [['status', '--token-file', file], { PW_TOKEN: 'wrong' }, 0, /^$/],
  ];
  for (const [args, environment, code, says] of cases) {
    const ran = await runClientCommand(args, { ...CI, ...environment, PW_URL: url });
    assert.equal(ran.code, code, `${args.join(' ')}: ${ran.stderr}`);
    assert.match(ran.stderr, says);
    assert.doesNotMatch(ran.stderr, new RegExp(`${token}|${readToken}`));
  }
});

test('over a Unix socket, by flag or as the service has it in its environment', async (t) => {
  const socket = join(temporaryDirectory(t), 'pw.sock');
  await startService(t, { port: false, flags: ['--socket', socket] });
  const flag = await runClientCommand(['status', '--json', '--socket', socket], CI);
  assert.deepEqual([flag.code, flag.stdout], [0, '{"groups":[]}\n'], flag.stderr);
  const variable = await runClientCommand(['stop', '--all', '--json'], { ...CI, PW_SOCKET: socket });
  assert.deepEqual([variable.code, JSON.parse(variable.stdout).success], [0, true]);
});

test('what a worker writes into a reason is shown, and the terminal does not act on it', async (t) => {
  const evil = String.raw`\x1b]0;owned\x07\x1b[31mred\x9b2J\u202eback\nline\x7f`;
  const directory = workersDir(t, { 'evil.mjs': `export default () => { throw new Error("${evil}"); };` });
  const service = await startService(t, { workersDir: directory });
  await service.register({ name: 'evil', module: 'evil.mjs', workers: 1 });
  await service.call('POST', '/v1/groups/evil/start');
  const { reason } = await service.reaches('evil', 'failed');
  const ask = asking(service.url);
  const commands = [['status'], ['status', 'evil'], ['status', '--json'], ['top', '--once']];
  const runs = await Promise.all(commands.map(async (command) => ({ command, ...(await ask(...command)) })));
  for (const { command, stdout, stderr } of runs) {
    assert.match(stdout, /red.*back.*line/, command.join(' '));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, command.join(' '));
    if (command.includes('--json')) assert.equal(JSON.parse(stdout).groups[0].reason, reason);
  }
});

test('status of a group by name has its failures, the newest first, and who hung', async (t) => {
  const directory = workersDir(t, {
    'faults.mjs': `
      export const init = () => new Int32Array(new SharedArrayBuffer(4));
      export default (_id, ctx) => { throw new Error('fault ' + Atomics.add(ctx.shared, 0, 1)); };`,
    'spin.mjs': 'export default () => { while (true) {} };',
  });
  const service = await startService(t, { workersDir: directory });
  const restart = { policy: 'on-failure', maxRestarts: 1, backoff: { initialSeconds: 0.01 } };
  await service.register({ name: 'faults', module: 'faults.mjs', workers: 1, restart });
  await service.register({ name: 'hangs', module: 'spin.mjs', workers: 1, iterationTimeoutSeconds: 0.2 });
  await service.call('POST', '/v1/start');
  const { workers } = await service.reaches('faults', 'failed');
  await service.reaches('hangs', 'failed');
  const ask = asking(service.url);

  const { code, stdout } = await ask('status', 'faults');
  assert.equal(code, 1);
  const [titles = [], ...rows] = cells(stdout.slice(stdout.indexOf(' FAILED ')));
  assert.deepEqual(titles.join(' ').trim(), 'FAILED KIND WORKER REASON');
  assert.equal(rows.length, 2, stdout);
  for (const [i, row] of rows.entries())
    assert.match(
      row.join(' '),
      new RegExp(`^ ?\\d+ s ago exception ${workers[0].id} Exception in worker .*: fault ${1 - i}`),
      stdout,
    );
  assert.doesNotMatch(stdout, /stalls|killed/);
  const hung = await ask('status', 'hangs');
  assert.match(hung.stdout, /\nstalls: 1, killed: 1\n\n *FAILED .*\n.* ago +stall +\d+ .*\n$/);
  assert.doesNotMatch((await ask('status')).stdout, /FAILED/, 'of all groups only what there is to say now');
});

test('top: rates of a second, as a table and as JSON', async (t) => {
  const service = await startService(t);
  await service.register({ name: 'ms', module: 'millisecond.mjs' });
  await service.register({ name: 'idle', module: 'millisecond.mjs' });
  await service.start('ms');
  const ask = asking(service.url);
  const [table, json] = await Promise.all([ask('top', '--once'), ask('top', '--once', '--json', 'ms')]);
  assert.equal(table.code, 0, table.stderr);
  const [titles = [], ms, idle] = cells(table.stdout);
  assert.deepEqual(titles.slice(0, 6), ['GROUP', 'STATE', 'WORKERS', 'CALLS/S', 'MEAN', 'P99']);
  assert.match(ms?.join(' ') ?? '', /^ms running 2\/2 [\d,.]+ [\d.]+ m?s >?[\d.]+ m?s 0 0 \d+ % \d+ MiB/);
  assert.match(idle?.join(' ') ?? '', /^idle registered 0\/2 0 - - 0 0 - -/);

  const [group] = JSON.parse(json.stdout).groups;
  // How much longer than its millisecond a call takes is the machine's affair.
  assert(group.callsPerSecond > 0 && group.callsPerSecond < 10_000, json.stdout);
  assert(group.meanSeconds > 0.0005 && group.p99Seconds > 0.0005, json.stdout);
  assert.deepEqual([group.workers, group.feed], [{ running: 2, all: 2 }, null]);

  await t.test('a feed, where there is one', async () => {
    await service.register({ name: 'fed', module: 'feeds.mjs', workers: 1, feed: { capacity: 5 } });
    await service.start('fed');
    await until('a full feed', async () => (await service.status('fed')).feed.depth === 5 || undefined);
    for (const [command, items, none] of [
      [['top', '--once'], ' ITEMS/S +', ' 0 +'],
      [['status'], '', ''],
    ] as const) {
      const { stdout } = await ask(...command);
      assert.match(stdout, new RegExp(`${items} FEED +TRAINER WAITS +WORKERS WAIT +REASON\n`));
      assert.match(stdout, /^idle .* - +- +-$/m);
      assert.match(stdout, new RegExp(`^fed .*${none} 5/5 +0 % +\\d+ %$`, 'm'));
    }
    const json = await ask('top', '--once', '--json', 'fed');
    const { putWaitShare, ...others } = JSON.parse(json.stdout).groups[0].feed;
    assert.deepEqual(others, { itemsPerSecond: 0, depth: 5, capacity: 5, takeWaitShare: 0 });
    assert.ok(putWaitShare > 0 && putWaitShare <= 1, json.stdout);
    await service.call('DELETE', '/v1/groups/fed');
  });

  const [reader, watcher] = [spawnTop(t, service), spawnTop(t, service, '--json')];
  const [tableLine, jsonLine] = await Promise.all([firstLine(reader), firstLine(watcher)]);
  await t.test('a reader that has seen enough is no error', async () => {
    assert.match(tableLine, /^GROUP/);
    reader.stdout.destroy();
    assert.deepEqual(await reader.exited, [0, null]);
  });
  await t.test('the end of the service ends it, where nobody watches', async () => {
    assert.equal(JSON.parse(jsonLine).groups.length, 2);
    await service.end();
    assert.deepEqual(await watcher.exited, [3, null]);
  });
});

async function firstLine({ stdout }: { stdout: Readable }): Promise<string> {
  const [line] = await once(createInterface({ input: stdout }), 'line');
  return String(line);
}

function spawnTop(t: TestContext, service: Service, ...args: string[]) {
  const child = spawn(process.execPath, [`${ROOT}dist/server.js`, 'top', '--url', service.url, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.after(() => child.kill('SIGKILL'));
  // From the beginning: it may be over before somebody asks.
  return { stdout: child.stdout, exited: once(child, 'exit') };
}

test('on a terminal: colours, and a page that leaves nothing behind', requires('python3'), async (t) => {
  const service = await startService(t);
  await service.register({ name: 'ms', module: 'millisecond.mjs' });
  await service.start('ms');
  const words = [process.execPath, `${ROOT}dist/server.js`];
  const onTerminal = (args: string[], environment: Record<string, string> = {}) =>
    new PseudoTerminal(t, [...words, ...args], { ...CI, PW_URL: service.url, ...environment });
  const LEFT = '\x1b[?25h\x1b[?1049l';
  const GREEN = '\x1b[32mrunning\x1b[0m';

  await t.test('colours only there, unless variables say otherwise', async (t) => {
    const cases: [environment: Record<string, string>, coloured: boolean][] = [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
      [{ TERM: 'dumb' }, false],
      [{ FORCE_COLOR: '0' }, false],
    ];
    await Promise.all(
      cases.map(async ([environment, coloured]) => {
        const terminal = onTerminal(['status'], environment);
        assert.equal(await terminal.end(), 0);
        assert.equal(terminal.shown.includes(GREEN), coloured, JSON.stringify([environment, terminal.shown]));
      }),
    );
    const piped = (environment: Record<string, string>) =>
      run(t, ['status', '--url', service.url], { ...CI, ...environment });
    assert.ok(!(await piped({})).stdout.includes('\x1b'), 'a pipe on a CI system gets none');
    assert.ok((await piped({ FORCE_COLOR: '1' })).stdout.includes(GREEN));
  });

  await t.test('top draws until Ctrl-C, and gives the terminal back', async () => {
    const terminal = onTerminal(['top']);
    await terminal.shows(/ms .*running.* [\d,.]+ {2}.*ms/);
    await service.call('POST', '/v1/groups/ms/stop');
    await terminal.shows(/1 groups: 1 stopped/);
    assert.ok(terminal.shown.startsWith('\x1b[?1049h\x1b[?25l') && !terminal.shown.includes(LEFT));
    terminal.type('\x03');
    assert.equal(await terminal.end(), 0);
    assert.ok(terminal.shown.endsWith(LEFT), JSON.stringify(terminal.shown.slice(-100)));
  });

  await t.test('top tells when the service is lost', async () => {
    const terminal = onTerminal(['top']);
    await terminal.shows(/1 groups/);
    await service.end();
    await terminal.shows(/is not reachable: .*trying again/);
    terminal.type('\x03');
    assert.equal(await terminal.end(), 0);
    assert.ok(terminal.shown.endsWith(LEFT), JSON.stringify(terminal.shown.slice(-100)));
  });
});

test('the help of each command has its flags and the exit codes, and the help of all has each command', async (t) => {
  const { stdout } = await run(t, ['--help']);
  for (const { name, meaning } of COMMANDS)
    assert.match(stdout, new RegExp(`^.*parallel-workers \\[?${name}\\b.*${meaning}$`, 'm'));
  for (const command of COMMANDS.filter(({ name }) =>
    ['status', 'top', 'logs', 'completion'].includes(name),
  )) {
    const help = await runClientCommand([command.name, '--help'], {});
    assert.deepEqual([help.code, help.stdout], [0, helpOf(command)]);
    for (const { name } of command.flags) assert.match(help.stdout, new RegExp(`--${name}\\b`));
    assert.match(help.stdout, /Exit code 0: .*1: .*2: .*3: /);
  }
  const validate = await run(t, ['validate', '--help']);
  for (const { name } of COMMANDS.find((command) => command.name === 'validate')?.flags ?? [])
    if (name !== 'help') assert.ok(validate.stdout.includes(`--${name} `), `validate knows no --${name}`);
});
