import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { describeAddress, readAddress } from '#dist/cli/address.js';
import { wantsColour } from '#dist/cli/colour.js';
import { logText, readTold } from '#dist/cli/log-text.js';
import { printable, printableJson, printableLine } from '#dist/cli/printable.js';
import { tableLines } from '#dist/cli/table.js';
import { callRate, readCallTimes } from '#dist/readings/call-times.js';
import { age, count, duration, memory, rate } from '#dist/readings/quantities.js';

test('quantities in a few characters', () => {
  const cases: [shown: string, expected: string][] = [
    [duration(0), '0.00 µs'],
    [duration(0.0000123), '12.3 µs'],
    [duration(0.0012), '1.20 ms'],
    [duration(0.0999), '99.9 ms'],
    [duration(0.99999), '1.00 s'],
    [duration(61.25), '61.3 s'],
    [duration(7200), '2 h'],
    [age(119), '119 s'],
    [age(120), '2 min'],
    [age(200_000), '2 d'],
    [age(-3), '0 s'],
    [count(1_234_567), '1,234,567'],
    [rate(0), '0'],
    [rate(0.254), '0.25'],
    [rate(12.34), '12.3'],
    [rate(41_800.4), '41,800'],
    [memory(82 * 2 ** 20), '82 MiB'],
    [memory(20_480 * 2 ** 20), '20 GiB'],
  ];
  for (const [shown, expected] of cases) assert.equal(shown, expected);
});

test('what a terminal would act on is escaped', () => {
  assert.equal(printable('a\x1b[31m\x9b2J\u202e\u0000b\n\tc '), 'a\\u001b[31m\\u009b2J\\u202e\\u0000b c');
  assert.equal(printable('Grüße, 世界 👍'), 'Grüße, 世界 👍');
  assert.equal(printableLine('  a \tb\r\nc\x1b[2J\x9b '), '  a \tb\\r\\nc\\u001b[2J\\u009b');
  const value = { reason: 'a\x1b\x7f\x9b\u2028\u202eb "quoted" \\' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  assert.doesNotMatch(printableJson(value), /[\x00-\x1f\x7f-\x9f\u2028\u202e]/);
  assert.deepEqual(JSON.parse(printableJson(value)), value);
});

test('colour takes a terminal, unless a variable says otherwise; CI systems do not matter', () => {
  const cases: [isTerminal: boolean, environment: Record<string, string>, colour: boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [true, { CI: 'true' }, true],
    [false, { CI: 'true', GITHUB_ACTIONS: 'true', COLORTERM: 'truecolor' }, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [false, { FORCE_COLOR: '3', NO_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [true, { FORCE_COLOR: 'false' }, false],
  ];
  for (const [isTerminal, environment, colour] of cases)
    assert.equal(wantsColour(isTerminal, environment), colour, JSON.stringify([isTerminal, environment]));
});

test('a table is aligned, cut to the terminal, and coloured without losing its columns', () => {
  const columns = [{ title: 'GROUP' }, { title: 'CALLS', align: 'right' as const }, { title: 'REASON' }];
  const rows = [
    ['a', '5', 'none'],
    ['long-name', { text: '12,345', colour: 'red' as const }, 'one\ntwo 👍'],
  ];
  assert.deepEqual(tableLines(columns, rows), [
    'GROUP       CALLS  REASON',
    'a               5  none',
    'long-name  12,345  one two 👍',
  ]);
  for (let width = 0; width < 35; width++) {
    for (const line of tableLines(columns, rows, { width })) {
      assert.ok(line.length <= width, `${width}: ${line}`);
      assert.doesNotThrow(() => encodeURI(line), `${width}: half a character`);
    }
  }
  const coloured = tableLines(columns, rows, { colour: true });
  assert.match(coloured[2] ?? '', /\[31m12,345.*one two/);
  assert.deepEqual(
    coloured.map((line) => stripVTControlCharacters(line).trimEnd()),
    tableLines(columns, rows),
  );
});

test('rates come from two readings of /metrics', () => {
  const text = (count: number, sum: number, ...buckets: number[]) =>
    [0.001, 0.01, '+Inf']
      .map((le, i) => `worker_time_seconds_bucket{group="a",le="${le}"} ${buckets[i]}`)
      .concat(`worker_time_seconds_sum{group="a"} ${sum}`, `worker_time_seconds_count{group="a"} ${count}`)
      .join('\n');
  const read = (...args: Parameters<typeof text>) => {
    const times = readCallTimes(text(...args)).get('a');
    assert.ok(times);
    return times;
  };
  const before = read(10, 1, 10, 10, 10);
  const after = read(110, 1.4, 60, 110, 110);
  const { perSecond, mean, median, p99, beyond } = callRate(before, after, 2) ?? {};
  assert.deepEqual([perSecond, mean?.toFixed(6), beyond], [50, '0.004000', false]);
  assert.equal(median, 0.001);
  // The 99th of 100 is the 49th of 50 between 1 and 10 ms. Of the 0.5 s that lie between the least and the most that these
  // 100 calls can have taken, they took 0.35 s.
  assert.equal(p99?.toFixed(6), '0.009922');
  // All of the same time, right above the bound of a bucket: not in its middle.
  const same = callRate(read(0, 0, 0, 0, 0), read(100, 0.105, 0, 100, 100), 1);
  assert.ok(same?.median !== undefined && same.mean !== undefined);
  assert.ok(Math.abs(same.median - same.mean) < 0.0001, String(same.median));

  assert.deepEqual(callRate(before, before, 1), {
    perSecond: 0,
    mean: undefined,
    median: undefined,
    p99: undefined,
    beyond: false,
  });
  assert.deepEqual(callRate(before, read(12, 61, 10, 10, 12), 1), {
    perSecond: 2,
    mean: 30,
    median: 0.01,
    p99: 0.01,
    beyond: true,
  });
  assert.equal(callRate(after, before, 1), undefined, 'registered anew in between');
  const others = readCallTimes(text(110, 1.4, 60, 110, 110).replace('0.01', '0.02')).get('a');
  assert.ok(others);
  assert.equal(callRate(before, others, 1), undefined, 'with other bounds');
});

test('the address comes from flags, then from what is for clients, then from what the service listens on', () => {
  const environment = { PW_URL: 'https://example.org/pw/', PW_SOCKET: '/run/pw.sock', PW_PORT: '9000' };
  const shown = (flags: { url?: string; socket?: string }, ...names: (keyof typeof environment)[]) =>
    describeAddress(readAddress(flags, Object.fromEntries(names.map((name) => [name, environment[name]]))));
  assert.equal(shown({}), 'http://127.0.0.1:8080');
  assert.equal(shown({}, 'PW_PORT'), 'http://127.0.0.1:9000');
  assert.equal(shown({}, 'PW_PORT', 'PW_SOCKET'), '/run/pw.sock');
  assert.equal(shown({}, 'PW_PORT', 'PW_SOCKET', 'PW_URL'), 'https://example.org/pw');
  assert.equal(shown({ socket: '/tmp/a' }, 'PW_URL'), '/tmp/a');
  assert.equal(shown({ url: 'http://[::1]:1' }, 'PW_SOCKET'), 'http://[::1]:1');
  assert.equal(describeAddress(readAddress({}, { PW_URL: '', PW_SOCKET: '' })), 'http://127.0.0.1:8080');
});

test('a line of a log, whatever is in it', () => {
  const time = '2026-01-01T12:00:00.000Z';
  const shown = (line: unknown, style = {}) =>
    logText(readTold(typeof line === 'string' ? line : JSON.stringify(line)), {
      json: false,
      colour: false,
      filtered: false,
      ...style,
    });
  const line = { seq: 1, time, level: 'warn', workerId: 12, text: 'skipped' };
  const cases: [shown: string, expected: string][] = [
    [shown(line), `${time} warn  12 skipped`],
    [shown({ ...line, workerId: null, level: 'error' }), `${time} error  - skipped`],
    [
      shown({ ...line, fields: { a: 1, b: { c: [null] }, d: 'word', e: 'two words', 'f g': '' } }),
      `${time} warn  12 skipped a=1 b={"c":[null]} d=word e="two words" "f g"=""`,
    ],
    [shown({ ...line, text: '' }), `${time} warn  12`],
    [shown({ lost: 1200 }), '-- 1,200 lines are missing --'],
    [shown({ lost: 1200 }, { filtered: true }), '-- up to 1,200 lines are missing --'],
    [shown({ lost: 3 }, { json: true }), '{"lost":3}'],
    [shown({ later: '\x9b' }), '{"later":"\\u009b"}'],
    [shown('no JSON\x1b'), 'no JSON\\u001b'],
    [shown('17'), '17'],
    [shown({ ...line, level: 7, fields: 'none' }), `${time} 7     12 skipped`],
    [shown(line, { colour: true }), `\x1b[2m${time}\x1b[0m \x1b[33mwarn \x1b[0m 12 skipped`],
    [
      shown('{"seq":9007199254740993,"text":"\u2028"}', { json: true }),
      '{"seq":9007199254740993,"text":"\\u2028"}',
    ],
  ];
  for (const [text, expected] of cases) assert.equal(text, expected);
});
