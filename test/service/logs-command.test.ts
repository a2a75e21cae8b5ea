import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { runClientCommand } from '../support/client-command.js';
import { assertCounts, COUNTS, Logs } from '../support/logs-command.js';
import { PseudoTerminal } from '../support/pseudo-terminal.js';
import { answering } from '../support/relay.js';
import { requires } from '../support/requires.js';
import { ROOT, type Service, startService, until } from '../support/service.js';
import { wholeLines } from '../support/watching.js';
import { workersDir } from '../support/workers-dir.js';

const FILES = {
  'steady.mjs': COUNTS,
  'says.mjs': `
    export function setup(id, ctx) {
      if (ctx.index === 0) {
        ctx.log.debug('  two blanks\\tand a tab');
        ctx.log.warn('bad record', { record: 17, path: '/a/b', why: 'two words' });
        ctx.log.info('\\x1b[31mred\\x9b2J\\u202e\\nforged', { 'k\\x07': '\\x1b]0;owned' });
      } else ctx.log.error('of the other');
    }
    export default async (_id, ctx) => { await ctx.sleep(0.01); };`,
};

async function withGroup(t: TestContext, module: string, workers = 1): Promise<Service> {
  const service = await startService(t, { workersDir: workersDir(t, FILES) });
  await service.register({ name: 'a', module, workers });
  return service;
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

  await service.register({ name: 'later', module: 'says.mjs' });
  assert.deepEqual(await ask('later', '--worker', '2'), nothing, 'it has said nothing yet');
  const index = await ask('later', '--worker', '0');
  assert.deepEqual([index.code, index.stdout], [0, '']);
  assert.equal(
    index.stderr,
    'parallel-workers logs: group "later" has no worker with the id 0: its workers are 2, 3\n',
  );

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
  const stranger = follow('--worker', '7');
  await stranger.complains(/"a" has no worker with the id 7: its workers are 0\n/);
  assert.equal(await stranger.end('SIGINT'), 0);
  assert.equal(stranger.stdout, '');
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
