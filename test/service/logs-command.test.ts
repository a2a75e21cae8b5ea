import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { runClientCommand } from '../support/client-command.js';
import { PseudoTerminal } from '../support/pseudo-terminal.js';
import { requires } from '../support/requires.js';
import { ROOT, type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { wholeLines } from '../support/watching.js';
import { workersDir } from '../support/workers-dir.js';

const FILES = {
  'steady.mjs': `
    export default async (_id, ctx) => { ctx.log.info('line ' + ctx.iteration); await ctx.sleep(0.05); };`,
  'says.mjs': `
    export function setup(id, ctx) {
      if (ctx.index === 0) {
        ctx.log.debug('  two blanks\\tand a tab');
        ctx.log.warn('bad record', { record: 17, path: '/a/b', why: 'two words' });
        ctx.log.info('\\x1b[31mred\\x9b2J\\u202e\\nforged', { 'k\\x07': '\\x1b]0;owned' });
      } else ctx.log.error('of the other');
    }
    export default async (_id, ctx) => { await ctx.sleep(0.01); };`,
  'quiet.mjs': 'export default async (_id, ctx) => { await ctx.sleep(0.01); };',
};

async function withGroup(t: TestContext, module: string, workers = 1): Promise<Service> {
  const service = await startService(t, { workersDir: workersDir(t, FILES) });
  await service.register({ name: 'a', module, workers });
  return service;
}

/** The command in a process of its own. */
class Logs {
  readonly child: ChildProcess;
  /** From the beginning: it may be over before somebody asks. */
  readonly ended: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor(t: TestContext, url: string, ...args: string[]) {
    this.child = spawn(process.execPath, [`${ROOT}dist/server.js`, 'logs', '--url', url, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => this.child.kill('SIGKILL'));
    this.ended = once(this.child, 'close');
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** What it has printed with `--json`. */
  get lines() {
    return wholeLines(this.stdout);
  }

  get texts(): string[] {
    return this.lines.map(({ text }) => text);
  }

  /** Waits for what it tells on standard error. */
  complains(pattern: RegExp): Promise<boolean> {
    return until(`a complaint ${pattern}`, () => pattern.test(this.stderr) || undefined, 30);
  }

  prints(lines: number): Promise<boolean> {
    const enough = () => this.stdout.split('\n').length > lines || undefined;
    return until(`${lines} lines`, enough, 30).catch((error: Error) => {
      throw new Error(`${error.message}; it has said:\n${this.stdout}${this.stderr}`);
    });
  }

  async end(signal?: NodeJS.Signals): Promise<unknown> {
    if (signal !== undefined) this.child.kill(signal);
    const [code, killed] = await this.ended;
    return code ?? killed;
  }
}

/** `line 0`, `line 1` and so on: nothing missing, nothing twice. */
function assertCounts(texts: readonly string[], from = 0): void {
  assert.deepEqual(
    texts,
    texts.map((_, i) => `line ${from + i}`),
  );
}

/** Another server, in place of the service. */
async function answering(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createHttpServer(answer).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A way to the service that a test can cut. */
class Relay {
  readonly #server = createServer((near) => this.#join(near));
  readonly #sockets = new Set<Socket>();
  readonly #port: number;
  open = true;

  constructor({ url }: Service) {
    this.#port = Number(new URL(url).port);
  }

  async listen(t: TestContext): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    t.after(() => {
      this.cut();
      this.#server.close();
    });
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  cut(): void {
    this.open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(near: Socket): void {
    if (!this.open) return void near.destroy();
    const far = connect(this.#port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}

test('lines for people and for programs, chosen by flags; a terminal acts on nothing in them', async (t) => {
  const service = await withGroup(t, 'says.mjs', 2);
  const ask = (...args: string[]) => runClientCommand(['logs', ...args], { PW_URL: service.url });
  const nothing = await ask('a');
  assert.deepEqual(nothing, { code: 0, stdout: '', stderr: '' });
  await service.start('a');
  const all = await until('all lines', async () => {
    const { stdout } = await ask('a');
    return stdout.split('\n').length > 4 ? stdout : undefined;
  });
  const TIME = '\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z';
  assert.match(all, new RegExp(`^${TIME} debug  0   two blanks\tand a tab$`, 'm'));
  assert.match(all, new RegExp(`^${TIME} warn   0 bad record record=17 path=/a/b why="two words"$`, 'm'));
  assert.match(all, new RegExp(`^${TIME} error  1 of the other$`, 'm'));
  const forged = String.raw`\u001b[31mred\u009b2J\u202e\nforged "k\u0007"="\u001b]0;owned"`;
  assert.ok(all.includes(` info   0 ${forged}\n`), all);

  const json = await ask('a', '--json');
  const lines = wholeLines(json.stdout);
  assert.deepEqual(lines.map(({ text }) => text).sort(), [
    '\x1b[31mred\x9b2J\u202e\nforged',
    '  two blanks\tand a tab',
    'bad record',
    'of the other',
  ]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  assert.doesNotMatch(json.stdout, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);

  const texts = async (...args: string[]) =>
    wholeLines((await ask('a', '--json', ...args)).stdout).map(({ text }) => text);
  assert.deepEqual((await texts('--level', 'warn')).sort(), ['bad record', 'of the other']);
  assert.deepEqual(await texts('--worker', '1'), ['of the other']);
  assert.deepEqual(await texts('--tail', '1'), [lines.at(-1).text]);
  assert.deepEqual(await texts('--tail', '0'), []);

  const unknown = await ask('b');
  assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /^parallel-workers logs: There is no group "b"[^\n]+\n$/);
  const followed = await ask('b', '-f');
  assert.deepEqual(followed, unknown);
});

test('wrong usage, and a service that is not there from the beginning', async () => {
  const cases: [args: string[], code: number, says: RegExp][] = [
    [[], 2, /name one group/],
    [['a', 'b'], 2, /name one group/],
    [['..'], 2, /is no name/],
    [['a', '--label', 'a=b'], 2, /--label/],
    [['a', '--tail', '1001'], 2, /--tail 1001 is no number from 0 to 1000/],
    [['a', '--tail', '1.5'], 2, /--tail 1\.5 is no number/],
    [['a', '--worker', 'x'], 2, /--worker x is no number/],
    [['a', '--level', 'loud'], 2, /--level loud is none of debug, info, warn, error/],
    [['a'], 3, /is not reachable: nobody listens there/],
    [['a', '-f'], 3, /is not reachable: nobody listens there/],
    [['a', '-f', '--tail', '0'], 3, /is not reachable: nobody listens there/],
  ];
  for (const [args, code, says] of cases) {
    const ran = await runClientCommand(['logs', ...args], { PW_URL: 'http://127.0.0.1:1' });
    assert.deepEqual([ran.code, ran.stdout], [code, ''], args.join(' '));
    assert.match(ran.stderr, /^parallel-workers logs: [^\n]+\n$/);
    assert.match(ran.stderr, says);
  }
});

test('who follows sees each line, until Ctrl-C, SIGTERM, the end of the reader or of the group', async (t) => {
  const service = await withGroup(t, 'steady.mjs');
  await service.start('a');
  const follow = (...args: string[]) => new Logs(t, service.url, 'a', '-f', ...args);
  const [interrupted, terminated, unread, deleted] = [
    follow('--json', '--tail', '1000'),
    follow('--level', 'info'),
    follow(),
    follow('--json', '--tail', '0'),
  ];
  await Promise.all([interrupted, terminated, unread, deleted].map((one) => one.prints(5)));
  assertCounts(interrupted.texts);
  assert.equal(await interrupted.end('SIGINT'), 0);
  assert.equal(await terminated.end('SIGTERM'), 143);
  unread.child.stdout?.destroy();
  assert.equal(await unread.end(), 0);
  assert.deepEqual([interrupted.stderr, terminated.stderr, unread.stderr], ['', '', '']);
  await service.call('DELETE', '/v1/groups/a');
  assert.equal(await deleted.end(), 0);
  assert.equal(deleted.stderr, 'parallel-workers logs: there is no group "a" any more\n');
  assertCounts(deleted.texts, Number(/\d+/.exec(deleted.texts[0] ?? '')?.[0]));
});

test('a reader that takes nothing does not keep it from ending', async (t) => {
  const line = `${JSON.stringify({ seq: 1, text: 'x'.repeat(1024) })}\n`;
  const url = await answering(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write(line.repeat(16_384));
  });
  const stuck = new Logs(t, url, 'a', '-f');
  stuck.child.stdout?.pause();
  await until('its first words', () => stuck.child.stdout?.readableLength || undefined, 30);
  const exited = once(stuck.child, 'exit');
  stuck.child.kill('SIGTERM');
  assert.deepEqual(await exited, [143, null]);
});

test('a connection that is lost is sought again: nothing is missing and nothing twice', async (t) => {
  const service = await withGroup(t, 'steady.mjs');
  await service.start('a');
  const relay = new Relay(service);
  const url = await relay.listen(t);
  const following = new Logs(t, url, 'a', '-f', '--json', '--tail', '1000');
  const none = new Logs(t, url, 'a', '-f', '--json', '--worker', '7');
  await following.prints(5);
  await until(
    'both to be connected',
    async () => (await service.metric('http_streams{stream="logs"}')) === 2 || undefined,
  );
  relay.cut();
  await Promise.all([following.complains(/trying again/), none.complains(/trying again/)]);
  const before = following.lines.length;
  await until('lines that it does not see', async () => {
    const all = ['logs', 'a', '--json', '--tail', '1000'];
    const { stdout } = await runClientCommand(all, { PW_URL: service.url });
    return wholeLines(stdout).length > before + 3 || undefined;
  });
  relay.open = true;
  await following.prints(before + 10);
  assertCounts(following.texts);
  await none.complains(/connected again/);
  for (const one of [following, none]) {
    assert.match(
      one.stderr,
      /^parallel-workers logs: http:\S+ is not reachable: .* \(trying again\)\nparallel-workers logs: connected again\n$/,
    );
    assert.equal(await one.end('SIGINT'), 0);
  }
  assert.equal(none.stdout, '');
});

test('a service that was killed and is there again goes on with what is new', async (t) => {
  const stateDir = temporaryDirectory(t);
  const directory = workersDir(t, FILES);
  const start = (port: number) =>
    startService(t, { workersDir: directory, stateDir, port: false, flags: ['--port', String(port)] });
  const port = await freePort();
  const first = await start(port);
  await first.register({ name: 'a', module: 'steady.mjs', workers: 1 });
  await first.start('a');
  const following = new Logs(t, first.url, 'a', '-f', '--json', '--tail', '1000');
  const fresh = new Logs(t, first.url, 'a', '-f', '--json', '--tail', '0');
  await Promise.all([following.prints(3), fresh.prints(1)]);
  await first.end('SIGKILL');
  await Promise.all([following.complains(/trying again/), fresh.complains(/trying again/)]);
  const before = following.lines.length;
  await start(port);
  await Promise.all([following.prints(before + 5), fresh.complains(/connected again/)]);
  const { lines, texts } = following;
  const again = texts.lastIndexOf('line 0');
  assert.ok(again >= before, 'the second life begins after all of the first');
  assertCounts(texts.slice(0, again));
  assertCounts(texts.slice(again));
  const seqs = lines.map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    [...new Set(seqs)].sort((a, b) => a - b),
  );
  assert.equal(await following.end('SIGINT'), 0);
  assert.equal(following.stderr.match(/\n/g)?.length, 2, following.stderr);
});

test('a service that ends is sought as well, and Ctrl-C ends the search', async (t) => {
  const service = await withGroup(t, 'steady.mjs');
  const following = new Logs(t, service.url, 'a', '-f');
  await service.start('a');
  await following.prints(1);
  await service.end();
  await following.complains(/trying again/);
  assert.equal(await following.end('SIGINT'), 0);
});

test('lines that are missing, answers that are none, and refusals on the way', async (t) => {
  const asked: string[] = [];
  const problem = (code: string) => JSON.stringify({ code, detail: 'Not now.' });
  const answers: [status: number, type: string, body: string][] = [
    [
      200,
      'application/x-ndjson; charset=utf-8',
      '{"seq":5,"text":"a"}\n{"lost":1200}\n{"new":"kind"}\n{"seq":',
    ],
    [503, 'application/problem+json', problem('too_many_streams')],
    [502, 'text/html', '<html>'],
    [200, 'application/x-ndjson', '{"seq":9,"text":"b"}\n'],
    [429, 'application/problem+json', problem('too_many_requests')],
    [200, 'text/html', '<html>'],
    [401, 'application/problem+json', problem('unauthorized')],
  ];
  const url = await answering(t, (request, response) => {
    asked.push(request.url ?? '');
    const [status, type, body] = answers[asked.length - 1] ?? [500, '', ''];
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  const following = new Logs(t, url, 'a', '-f', '--level', 'warn', '--tail', '3');
  assert.equal(await following.end(), 1);
  assert.match(
    following.stdout,
    /^.* a\n-- up to 1,200 lines are missing --\n\{"new":"kind"\}\n.* b\n$/,
    following.stdout,
  );
  assert.deepEqual(
    asked.map((path) => path.replace('/v1/groups/a/logs?', '')),
    [
      'tail=3&level=warn&follow=true',
      ...Array(3).fill('level=warn&after=5&follow=true'),
      ...Array(3).fill('level=warn&after=9&follow=true'),
    ],
  );
  assert.deepEqual(
    following.stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.replace('parallel-workers logs: ', '')),
    [
      'Not now. (too_many_streams) (trying again)',
      'connected again',
      'Not now. (too_many_requests) (trying again)',
      'Not now. (unauthorized)',
    ],
  );
});

test('on a terminal levels have colours', requires('python3'), async (t) => {
  const service = await withGroup(t, 'says.mjs', 2);
  await service.start('a');
  const words = [process.execPath, `${ROOT}dist/server.js`, 'logs', 'a', '-f', '--url', service.url];
  const terminal = new PseudoTerminal(t, words, { NO_COLOR: '', FORCE_COLOR: '', TERM: 'xterm' });
  await terminal.shows(/bad record/);
  await terminal.shows(/of the other/);
  terminal.type('\x03');
  assert.equal(await terminal.end(), 0);
  for (const coloured of ['\x1b[33mwarn \x1b[0m  0 bad record', '\x1b[31merror\x1b[0m  1 of the other'])
    assert.ok(terminal.shown.includes(coloured), JSON.stringify(terminal.shown));
});

/** A port below those that the system gives to whoever asks for any: nobody takes it in between. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
