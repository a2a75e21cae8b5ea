import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadGroupsFile } from '#dist/groups-file/load.js';
import { describeMistake } from '#dist/groups-file/mistake.js';
import { type FileLimits, parseGroups } from '#dist/groups-file/parse.js';
import { parseInThread } from '#dist/groups-file/parse-thread.js';
import { moduleResolver } from '#dist/worker-modules.js';
import { spec } from '../support/coordinator.js';
import { ROOT } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir } from '../support/workers-dir.js';

const LIMITS: FileLimits = { maxWorkers: 8, maxGroups: 20 };

/** Every mistake of the text, as it is printed. */
function mistakes(text: string): string[] {
  return parseGroups(text, LIMITS).mistakes.map((mistake) => describeMistake('f', mistake));
}

/** A file of one group with this line in its spec. */
const withField = (line: string) => `groups:\n  - name: a\n    module: a.mjs\n    ${line}\n`;

test('a file of specs comes out with its defaults', () => {
  const text = `
# what this machine does
groups:
  - name: train
    module: digits/worker.mjs
    labels: { role: train }
    restart: &again { policy: on-failure }
  - { name: test, module: "digits/worker.mjs", workers: 1, after: [train], autostart: true, restart: *again }
`;
  const { specs, mistakes, warnings } = parseGroups(text, LIMITS);
  assert.deepEqual([mistakes, warnings], [[], []]);
  const restart = {
    policy: 'on-failure',
    scope: 'worker',
    maxRestarts: 5,
    windowSeconds: 30,
    backoff: { initialSeconds: 1, factor: 2, maxSeconds: 60, jitter: 0.2 },
  } as const;
  const module = 'digits/worker.mjs';
  assert.deepEqual(specs, [
    spec('train', { module, labels: { role: 'train' }, restart }),
    spec('test', { module, workers: 1, after: ['train'], autostart: true, restart }),
  ]);
});

test('JSON is read as it is, tabs and all', () => {
  const groups = [
    { name: 'a', module: 'a.mjs', params: { 'größe \u0001 "x"': ['\ud83c\udf89', 1e3, null] } },
  ];
  for (const indent of ['', '\t', '  ']) {
    const { specs, mistakes } = parseGroups(JSON.stringify({ groups }, null, indent), LIMITS);
    assert.deepEqual(mistakes, []);
    assert.deepEqual(specs[0]?.params, groups[0]?.params);
  }
});

test('any JSON comes out as it went in', () => {
  const json = fc
    .jsonValue({ maxDepth: 4 })
    .filter((value) => !/"(__proto__|constructor)"/.test(JSON.stringify(value)));
  fc.assert(
    fc.property(json, fc.constantFrom(0, 2), (params, indent) => {
      const text = JSON.stringify({ groups: [{ name: 'a', module: 'a.mjs', params }] }, null, indent);
      const { specs, mistakes } = parseGroups(text);
      assert.deepEqual(mistakes, []);
      assert.equal(JSON.stringify(specs[0]?.params), JSON.stringify(params));
    }),
    { numRuns: 200 },
  );
});

test('-0 is 0, as it is in what is kept of a group', () => {
  const { specs } = parseGroups(
    'groups: [{ name: a, module: a.mjs, intervalSeconds: -0, params: [-0, -0.0] }]',
  );
  assert.deepEqual([specs[0]?.intervalSeconds, specs[0]?.params], [0, [0, 0]]);
});

test('no text makes it throw', () => {
  const piece = fc.constantFrom(
    ...[
      'groups:',
      '\n',
      '  ',
      '- ',
      'name: a',
      'module: b',
      ', ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a ',
      '*a',
      ': ',
    ],
    ...[
      '? ',
      '| ',
      '> ',
      '!!str ',
      '!x ',
      '%YAML 1.2\n',
      '---\n',
      '...\n',
      '\t',
      '<<: ',
      '#',
      '\u0000',
      '@',
      '1',
    ],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const { mistakes, specs } = parseGroups(text, LIMITS);
      for (const { line, column } of mistakes) {
        if (line === undefined) continue;
        assert.ok(line <= text.split('\n').length && (column ?? 0) >= 1, `${line}:${column} of ${text}`);
      }
      if (mistakes.length === 0) assert.ok(Array.isArray(specs));
    }),
    { numRuns: 500 },
  );
});

/** Text, and what is said of it. */
const cases: Record<string, [text: string, ...says: string[]]> = {
  'an empty file': ['', 'f: is empty: write "groups: []" for no groups'],
  'a file of comments': ['# nothing\n', 'f: is empty: write "groups: []" for no groups'],
  'no list': ['groups:\n', 'f:1:1: /groups must be a list of specs; "groups: []" for no groups'],
  'a list at the top': ['- name: a\n', 'f: must have "groups:" at the top, with a list of specs'],
  'a top that is something else': [
    'group:\n  - name: a\n',
    'f:1:1: /group is not known here: remove it, or mend its name',
  ],
  'an entry that is no spec': [
    'groups:\n  - a\n  -\n',
    'f:2:5: /groups/0 must be object',
    'f:3:4: /groups/1 must be object',
  ],
  'a number in quotes': [withField('workers: "2"'), 'f:4:5: /groups/0/workers must be integer'],
  'a number for a name': ['groups: [{name: 1, module: a}]', 'f:1:11: /groups/0/name must be string'],
  'an unknown field': [
    withField('worker: 2'),
    'f:4:5: /groups/0/worker is not known here: remove it, or mend its name',
  ],
  'a field inside of another': [
    withField('restart:\n      policy: always\n      backoff: { factor: 0 }'),
    'f:6:18: /groups/0/restart/backoff/factor must be >= 1',
  ],
  'a missing field': ['groups:\n\n  - name: a\n', 'f:3:5: /groups/0/module is required'],
  'a name that is none': [
    'groups: [{name: .a, module: a}]',
    'f:1:11: /groups/0/name is not a name: a letter or digit, then up to 62 letters, digits, dots, underscores or dashes',
  ],
  'a name that is taken': [
    'groups:\n- {name: a, module: a}\n- {name: b, module: a}\n- {name: a, module: a}\n',
    'f:4:4: /groups/2/name is taken: /groups/0 is "a", too',
  ],
  'more workers than there may be': [
    withField('workers: 9'),
    'f:4:5: /groups/0/workers must be at most 8, the cap of this service (PW_MAX_WORKERS)',
  ],
  'more groups than there may be': [
    `groups:\n${Array.from({ length: 21 }, (_, i) => `- {name: g${i}, module: a}\n`).join('')}`,
    'f:1:1: /groups has 21 groups, and this service takes 20 (PW_MAX_GROUPS)',
  ],
  'buckets that descend': [
    withField('buckets: [2, 1]'),
    'f:4:5: /groups/0/buckets must be strictly ascending',
  ],
  'a cycle, and who comes after it': [
    'groups:\n- {name: a, module: a, after: [b]}\n- {name: b, module: a, after: [c]}\n- {name: c, module: a, after: [b]}\n',
    'f:3:24: /groups/1/after makes a cycle, in which none could start first: b after c after b',
  ],
  'a group after itself': [
    withField('after: [a]'),
    'f:4:5: /groups/0/after makes a cycle, in which none could start first: a after a',
  ],
  'a tab': ['groups:\n\t- name: a\n', 'f:2:1: cannot be read: Tabs are not allowed as indentation'],
  'an open bracket': [
    'groups: [\n',
    'f:2:1: cannot be read: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  'a key that is given twice': [
    withField('module: b.mjs'),
    'f:4:5: /groups/0/module is given twice: remove one of them',
  ],
  'a key that is no text': [
    withField('labels: { 1: one }'),
    'f:4:15: /groups/0/labels has the key 1, which is no text: put it into quotes',
  ],
  'two documents': [
    'groups: []\n---\ngroups: []\n',
    'f:3:1: has a second document after "---": put all groups into one',
  ],
  'an older YAML': [
    '%YAML 1.1\n---\ngroups: []\n',
    'f:1:1: is declared as YAML 1.1: it is read as 1.2, remove "%YAML"',
  ],
  'a tag': [
    withField('params: !!binary aGk='),
    'f:4:22: /groups/0/params has the tag tag:yaml.org,2002:binary, which means nothing here: remove it',
  ],
  'no number': [
    withField('params: [1, .nan]'),
    'f:4:17: /groups/0/params/1 is .nan, a number that JSON cannot hold',
  ],
  'a number that is too large': [
    withField('intervalSeconds: 1e999'),
    'f:4:22: /groups/0/intervalSeconds is 1e999, a number that JSON cannot hold',
  ],
  'an alias of nothing': [
    withField('params: *x'),
    'f:4:13: /groups/0/params stands for *x, and there is no &x before it',
  ],
  'an alias of what it is in': [
    withField('params: &x [[*x, *x], *x]'),
    'f:4:18: /groups/0/params/0/0 stands for *x, which it is a part of itself',
    'f:4:22: /groups/0/params/0/1 stands for *x, which it is a part of itself',
    'f:4:27: /groups/0/params/1 stands for *x, which it is a part of itself',
  ],
  'a merge key': [
    'groups:\n- &x {name: a, module: a}\n- <<: *x\n  name: b\n',
    'f:3:3: /groups/1 has a merge key (<<), which YAML 1.2 does not have: write the fields out',
  ],
  'a key that is a trap': [
    withField('params: { __proto__: { a: 1 } }'),
    'f:4:15: /groups/0/params has a key "__proto__" or "constructor.prototype": rename it',
  ],
};

test('each mistake is told with its line, its field and what is wrong', async (t) => {
  for (const [what, [text, ...says]] of Object.entries(cases))
    await t.test(what, () => assert.deepEqual(mistakes(text), says));
});

test('all mistakes are told at once, in the order of the file', () => {
  const text = 'groups:\n- name: .a\n  workers: no\n- name: b\n  module: a\n  nice: 20\n  buckets: []\n';
  assert.deepEqual(
    parseGroups(text, LIMITS).mistakes.map(({ line, pointer }) => [line, pointer]),
    [
      [2, '/groups/0/module'],
      [2, '/groups/0/name'],
      [3, '/groups/0/workers'],
      [6, '/groups/1/nice'],
      [7, '/groups/1/buckets'],
    ],
  );
});

test('a thousand mistakes are a hundred lines and a number', () => {
  const text = `groups:\n${'- 1\n'.repeat(1000)}`;
  const told = parseGroups(text).mistakes;
  assert.equal(told.length, 101);
  assert.equal(told.at(-1)?.detail, 'has 900 more mistakes');
});

test('a group that comes after one which is not in the file is worth a warning', () => {
  const text = 'groups:\n- name: a\n  module: a\n  after: [other]\n';
  const { specs, mistakes, warnings } = parseGroups(text, LIMITS);
  assert.deepEqual([specs.length, mistakes], [1, []]);
  assert.deepEqual(
    warnings.map((warning) => describeMistake('f', warning)),
    [
      'f:4:11: /groups/0/after/0 names "other", which is not in this file: this group cannot start before somebody registers that one over REST',
    ],
  );
});

test('aliases that stand for billions of values are refused', () => {
  const letters = [...'abcdefghi'];
  const laughs = letters.map((letter, i) => {
    const items = i === 0 ? 'x' : `*${letters[i - 1]}`;
    return `- {name: ${letter}, module: m, params: &${letter} [${Array(10).fill(items).join(', ')}]}`;
  });
  assert.match(
    mistakes(`groups:\n${laughs.join('\n')}\n`).join(),
    /^f:\d+:\d+: is too large once its aliases/,
  );
  const long = `- {name: a, module: m, params: &a ${'x'.repeat(100_000)}}\n- {name: b, module: m, params: [${Array(100).fill('*a')}]}\n`;
  assert.match(mistakes(`groups:\n${long}`).join(), /is too large once its aliases/);
});

test('what is nested too deeply is refused, and hurts nobody', () => {
  const nested = (levels: number) => withField(`params: ${'['.repeat(levels)}${']'.repeat(levels)}`);
  assert.deepEqual(mistakes(nested(99)), [], 'as deep as over REST');
  assert.match(mistakes(nested(105)).join(), /is nested more than 102 levels deep/);
  // On these the parser of the library has ended the process.
  for (const open of ['[', '{"a":', '- ', '? ', ': '])
    assert.match(mistakes(`groups: ${open.repeat(50_000)}`).join(), /nested|cannot be read/);
});

test('what cannot be read is told in a sentence', async (t) => {
  const directory = temporaryDirectory(t);
  const path = (name: string) => join(directory, name);
  mkdirSync(path('directory'));
  execFileSync('mkfifo', [path('fifo')]);
  writeFileSync(path('latin1'), Buffer.from('groups: [] # gr\xf6\xdfe', 'latin1'));
  writeFileSync(path('large'), `groups: []\n${'# more\n'.repeat(200_000)}`);
  writeFileSync(path('closed'), 'groups: []');
  chmodSync(path('closed'), 0);
  const says: Record<string, RegExp> = {
    missing: /^does not exist$/,
    directory: /^is a directory, not a file$/,
    fifo: /^is no regular file$/,
    latin1: /^is not text in UTF-8$/,
    large: /^is larger than 1 MiB/,
    // Whoever is root may read it all the same.
    ...(process.getuid?.() === 0 ? {} : { closed: /permission denied/ }),
  };
  for (const [name, detail] of Object.entries(says)) {
    await t.test(name, async () => {
      const { specs, mistakes } = await loadGroupsFile(path(name));
      assert.deepEqual(specs, []);
      assert.equal(mistakes.length, 1);
      assert.match(mistakes[0]?.detail ?? '', detail);
    });
  }
  writeFileSync(path('bom'), '\ufeffgroups: []\r\n');
  assert.deepEqual(await loadGroupsFile(path('bom')), { specs: [], mistakes: [], warnings: [] });
});

test('modules are looked for in the workers directory, those of loggers too', async (t) => {
  const workers = workersDir(t, { 'here.mjs': '', 'notes.txt': '' });
  const file = join(temporaryDirectory(t), 'groups.yaml');
  const line = (name: string, module: string) =>
    `- {name: ${name}, module: ${module}, loggers: [here.mjs, gone.mjs]}`;
  writeFileSync(
    file,
    `groups:\n${line('a', 'here.mjs')}\n${line('b', '../out.mjs')}\n- {name: c, module: notes.txt}\n`,
  );
  const { mistakes } = await loadGroupsFile(file, { resolveModule: moduleResolver(workers) });
  assert.deepEqual(
    mistakes.map(({ line, pointer }) => `${line} ${pointer}`),
    ['2 /groups/0/loggers/1', '3 /groups/1/module', '3 /groups/1/loggers/1', '4 /groups/2/module'],
  );
  assert.match(mistakes[0]?.detail ?? '', /"gone\.mjs" cannot be found in the workers directory/);
  assert.match(mistakes[1]?.detail ?? '', /"\.\.\/out\.mjs" is outside the workers directory/);
  assert.match(mistakes[3]?.detail ?? '', /"notes\.txt" cannot be loaded/);
});

test('the example is valid', async () => {
  const resolveModule = moduleResolver(`${ROOT}examples`);
  const { specs, mistakes, warnings } = await loadGroupsFile(`${ROOT}examples/groups.yaml`, {
    resolveModule,
  });
  assert.deepEqual([mistakes, warnings], [[], []]);
  assert.ok(specs.length > 1);
});

test('a thread of its own says the same', async () => {
  for (const text of ['groups:\n- {name: a, module: b}\n', withField('workers: 9'), '['])
    assert.deepEqual(await parseInThread(text, LIMITS), parseGroups(text, LIMITS));
});
