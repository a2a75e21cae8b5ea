import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { validateCommand } from '#dist/groups-file/validate-command.js';
import { ROOT } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

async function validate(args: string[], environment: Record<string, string> = {}) {
  let stdout = '';
  let stderr = '';
  const output = {
    stdout: (text: string) => {
      stdout += text;
    },
    stderr: (text: string) => {
      stderr += text;
    },
  };
  const code = await validateCommand(args, environment, output);
  return { code, stdout, stderr };
}

function file(t: TestContext, text: string): string {
  const path = join(temporaryDirectory(t), 'groups.yaml');
  writeFileSync(path, text);
  return path;
}

const ONE = 'groups:\n- {name: a, module: hello.mjs, workers: 3, after: [other]}\n';

test('a valid file is said to be so', async (t) => {
  const path = file(t, ONE);
  const warning = /^\S+:2:\d+: \/groups\/0\/after\/0 names "other".* \(a warning\)\n$/;
  for (const [args, environment] of [
    [['--workers-dir', `${ROOT}examples`], {}],
    [[], { PW_WORKERS_DIR: `${ROOT}examples` }],
    [['--max-workers', '3'], { PW_WORKERS_DIR: `${ROOT}examples`, PW_MAX_WORKERS: '2' }],
  ] as const) {
    const { code, stdout, stderr } = await validate([path, ...args], environment);
    assert.deepEqual([code, stdout], [0, `${path}: 1 group, valid\n`]);
    assert.match(stderr, warning);
  }
  const { code, stdout } = await validate([path]);
  assert.equal(code, 0);
  assert.equal(stdout, `${path}: 1 group, valid (modules were not looked for: give --workers-dir)\n`);
});

test('each mistake is a line with its place, and the exit code is 1', async (t) => {
  const path = file(t, `${ONE}- name: b\n  module: gone.mjs\n  workers: "2"\n`);
  const args = [path, '--workers-dir', `${ROOT}examples`, '--max-workers', '2'];
  const { code, stdout } = await validate(args);
  assert.equal(code, 1);
  const [first, second, third, ...rest] = stdout.split('\n');
  assert.match(first ?? '', /^\S+groups\.yaml:2:32: \/groups\/0\/workers must be at most 2/);
  assert.match(second ?? '', /^\S+:4:3: \/groups\/1\/module names no module .*"gone\.mjs" cannot be found/);
  assert.match(third ?? '', /^\S+:5:3: \/groups\/1\/workers must be integer$/);
  assert.deepEqual(rest, ['']);
});

test('a key with a line break does not break the line', async (t) => {
  const { stdout } = await validate([file(t, 'groups: []\n"a\\nb\\e[31m": 1\n')]);
  assert.match(stdout, /^[^\n]*\/a b \[31m is not known here[^\n]*\n$/);
});

test('a file that cannot be read is a mistake, too', async (t) => {
  const path = join(temporaryDirectory(t), 'missing.yaml');
  assert.deepEqual(await validate([path]), { code: 1, stdout: `${path}: does not exist\n`, stderr: '' });
});

test('wrong usage is one line on standard error and exit code 2', async () => {
  const cases: [string[], Record<string, string>, RegExp][] = [
    [[], {}, /name one file/],
    [['a', 'b'], {}, /name one file/],
    [['a', '--worker-dir', 'x'], {}, /--worker-dir/],
    [['a', '--max-workers', 'x\ny'], {}, /--max-workers x y is no number/],
    [['a'], { PW_MAX_GROUPS: '0' }, /--max-groups 0 is no number/],
  ];
  for (const [args, environment, says] of cases) {
    const { code, stdout, stderr } = await validate(args, environment);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^parallel-workers validate: [^\n]+\n$/);
    assert.match(stderr, says);
  }
  const { code, stdout } = await validate(['--help']);
  assert.equal(code, 0);
  assert.match(stdout, /^Usage: parallel-workers validate FILE/);
});
