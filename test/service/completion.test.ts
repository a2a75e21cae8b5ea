import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { COMMANDS } from '#dist/cli/commands.js';
import { runClientCommand } from '../support/client-command.js';
import { PseudoTerminal } from '../support/pseudo-terminal.js';
import { requires } from '../support/requires.js';
import { ROOT, type Service, startService } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const run = promisify(execFile);
const NAMES = COMMANDS.map(({ name }) => name);
const NOWHERE = 'http://127.0.0.1:1';

/** A directory with the command under its name, as an installed package puts it on the path, and the script of a shell. */
async function installed(t: TestContext, shell: string): Promise<{ path: string; script: string }> {
  const directory = temporaryDirectory(t);
  const command = join(directory, 'parallel-workers');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${ROOT}dist/server.js' "$@"\n`);
  chmodSync(command, 0o755);
  const script = join(directory, `completion.${shell}`);
  const { code, stdout } = await runClientCommand(['completion', shell], {});
  assert.equal(code, 0);
  writeFileSync(script, stdout);
  return { path: `${directory}:${process.env['PATH']}`, script };
}

async function withGroups(t: TestContext): Promise<Service> {
  const service = await startService(t);
  for (const name of ['train-1', 'train-2', 'test']) await service.register({ name, module: 'empty.mjs' });
  return service;
}

/** What is offered for the last word of a line. */
type Complete = (line: string) => Promise<string[]>;

async function assertCompletes(complete: Complete, service: Service): Promise<void> {
  const offers = async (line: string, expected: readonly string[]) =>
    assert.deepEqual((await complete(line)).sort(), [...expected].sort(), line);
  await offers('parallel-workers ', NAMES);
  await offers('parallel-workers st', ['status', 'start', 'stop']);
  await offers('parallel-workers status ', ['train-1', 'train-2', 'test']);
  await offers('parallel-workers stop test train-', ['train-1', 'train-2']);
  await offers(`parallel-workers start --url ${NOWHERE} `, []);
  await offers(`parallel-workers start --url ${service.url} te`, ['test']);
  await offers('parallel-workers top --o', ['--once']);
  await offers('parallel-workers logs -f te', ['test']);
  await offers('parallel-workers logs --f', ['--follow']);
  await offers('parallel-workers logs --level ', ['debug', 'info', 'warn', 'error']);
  await offers('parallel-workers logs --worker ', []);
  const dashed = await complete('parallel-workers logs -');
  for (const flag of ['-f', '--follow', '--tail', '--level', '--json'])
    assert.ok(dashed.includes(flag), flag);
  await offers('parallel-workers completion ', ['bash', 'zsh', 'fish']);
  await offers('parallel-workers --workers-', ['--workers-dir']);
  await offers(`parallel-workers serve --groups ${ROOT}LICEN`, [`${ROOT}LICENSE`]);
  await offers(`parallel-workers validate ${ROOT}LICEN`, [`${ROOT}LICENSE`]);
  await offers('parallel-workers status --label ', []);
}

test('bash completes commands, flags, files, and the names of groups', async (t) => {
  const service = await withGroups(t);
  const { path, script } = await installed(t, 'bash');
  // What readline does: words are also taken apart at colons.
  const driver = `
    source "$1"; COMP_LINE=$2 COMP_POINT=\${#2} COMP_WORDS=()
    for word in $2; do
      while [[ $word == *:* ]]; do COMP_WORDS+=("\${word%%:*}" :); word=\${word#*:}; done
      COMP_WORDS+=("$word")
    done
    [[ $2 != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _parallel_workers; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const environments = {
    installed: { PATH: path, before: '' },
    'an alias': {
      PATH: process.env['PATH'],
      before: `shopt -s expand_aliases; alias parallel-workers="${process.execPath} ${ROOT}dist/server.js"; `,
    },
  };
  for (const { PATH, before } of Object.values(environments))
    await assertCompletes(async (line) => {
      const { stdout, stderr } = await run('bash', ['-c', before + driver, 'bash', script, line], {
        env: { ...process.env, PATH, PW_URL: service.url },
      });
      assert.equal(stderr, '');
      return stdout.split('\n').filter((word) => word !== '');
    }, service);
});

test('fish completes the same', requires('fish'), async (t) => {
  const service = await withGroups(t);
  const { path, script } = await installed(t, 'fish');
  const HOME = temporaryDirectory(t);
  await assertCompletes(async (line) => {
    const { stdout } = await run(
      'fish',
      ['--no-config', '-c', 'source $argv[1]; complete -C $argv[2]', script, line],
      {
        env: { ...process.env, HOME, PATH: path, PW_URL: service.url },
      },
    );
    return stdout
      .split('\n')
      .filter((word) => word !== '')
      .map((word) => word.split('\t')[0] ?? '');
  }, service);
});

test('zsh completes the same', requires('zsh', 'python3'), async (t) => {
  const service = await withGroups(t);
  const { path, script } = await installed(t, 'zsh');
  const shell = new PseudoTerminal(t, ['zsh', '-f', '-i'], {
    HOME: temporaryDirectory(t),
    PATH: path,
    PW_URL: service.url,
    TERM: 'dumb',
  });
  shell.type(
    [
      'PS1= RPS1= PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D',
      `source ${script}`,
      "bindkey '^I' list-choices",
      'print re""ady',
      '',
    ].join('\n'),
  );
  await shell.shows(/ready/);
  const typed = async (line: string, expected: RegExp) => {
    const from = shell.shown.length;
    shell.type(`${line}\t`);
    await shell.shows(expected, from);
    shell.type('\x15');
  };
  await typed('parallel-workers st', /start +-- .*status +-- .*stop +-- /s);
  await typed('parallel-workers status ', /test +train-1 +train-2/);
  await typed('parallel-workers top --o', /--once +-- /);
  await typed('parallel-workers logs -f te', /test/);
  await typed('parallel-workers logs -', /--follow +-f +-- .*--level +-- /s);
  await typed('parallel-workers logs --level ', /debug +error +info +warn/);
  await typed('parallel-workers completion ', /bash +fish +zsh/);
});

test('the scripts ask for names silently: without a service there are none', async (t) => {
  const offline = await runClientCommand(['completion', 'groups', '--url', NOWHERE], {});
  assert.deepEqual(offline, { code: 0, stdout: '', stderr: '' });
  const service = await withGroups(t);
  const online = await runClientCommand(['completion', 'groups', '--url', service.url], {});
  assert.deepEqual(online, { code: 0, stdout: 'train-1\ntrain-2\ntest\n', stderr: '' });
});
