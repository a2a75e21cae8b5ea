import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { settingsTable } from '#dist/config/settings.js';
import { parseGroups } from '#dist/groups-file/parse.js';
import { GroupSpec } from '#dist/schemas/group-spec.js';
import { requires } from '../support/requires.js';
import { ROOT, startService } from '../support/service.js';
import { wholeLines } from '../support/watching.js';
import { workersDir } from '../support/workers-dir.js';

const readme = readFileSync(`${ROOT}README.md`, 'utf8');
const blocksOf = (language: string) =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text]) => text ?? '');
const blocks = blocksOf('sh');
const run = promisify(execFile);

/** The commands of a block, without its comments; a line that is indented goes on with the command before it. */
function commands(block: string): string[] {
  const told = block.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return told.join('\n').split(/\n(?! )/);
}

/** What the session calls, command by command, and what a reader should see of it. */
const STEPS: [call: string, check: (stdout: string) => void][] = [
  ['/v1/groups ', (stdout) => assertState(stdout, 'registered')],
  ['/v1/groups/train/start', (stdout) => assertState(stdout, 'running')],
  ['/v1/groups/train', (stdout) => assertState(stdout, 'running')],
  [
    '/metrics | grep',
    (stdout) => {
      assert.match(stdout, /^worker_time_seconds_sum\{group="train"\} [\d.e-]+$/m);
      assert.match(stdout, /^worker_time_seconds_count\{group="train"\} \d+$/m);
    },
  ],
  ['/v1/groups/train/stop', assertSuccess],
  ['/v1/start?label=role=train', assertSuccess],
  ['/v1/stop', assertSuccess],
  ['DELETE', assertSuccess],
];

function assertState(stdout: string, state: string): void {
  const status = JSON.parse(stdout);
  assert.deepEqual([status.name, status.state], ['train', state], stdout);
}

/** A report of what became of the one group of the session. */
function assertSuccess(stdout: string): void {
  const { success, groups } = JSON.parse(stdout);
  assert.deepEqual(
    [success, groups.map((group: { name: string; success: boolean }) => [group.name, group.success])],
    [true, [['train', true]]],
    stdout,
  );
}

test('the curl session works as it is written', requires('curl'), async (t) => {
  const session = blocks.filter((block) => block.includes('curl') && !/\/v1\/reload|lines\.mjs/.test(block));
  assert.equal(session.length, 5, 'the first steps, the feed, how to restart, to scale, and to watch');
  const service = await startService(t, { workersDir: `${ROOT}examples` });
  const [first = '', fed = '', sturdy = '', scale = '', watching = ''] = session.map((block) =>
    block.replaceAll('127.0.0.1:8080', service.url.slice('http://'.length)),
  );
  const written = commands(first);
  assert.equal(written.length, STEPS.length, `the commands are now\n${written.join('\n')}`);
  for (const [i, [call, check]] of STEPS.entries()) {
    const command = written[i] ?? '';
    assert.ok(command.includes(call), `command ${i + 1} is ${command}`);
    const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', command]);
    await t.test(call, () => check(stdout));
  }

  const { stdout: feed } = await run('bash', ['-euxo', 'pipefail', '-c', fed]);
  assert.match(feed, /^HTTP\/1\.1 200 OK\r\n([^\r]+\r\n)*content-type: application\/x-safetensors\r\n/m);
  assert.match(feed, /"capacity":800,/);
  await service.call('DELETE', '/v1/groups/digits');

  await run('bash', ['-euo', 'pipefail', '-c', sturdy]);
  const { spec } = await service.status('sturdy');
  assert.deepEqual(
    [spec.restart.policy, spec.restart.maxRestarts, spec.limits.rssMb],
    ['on-failure', 5, 2048],
  );

  const { host, state } = await service.status('sturdy');
  assert.equal(state, 'running');
  await run('bash', ['-euxo', 'pipefail', '-c', scale]);
  const scaled = await service.status('sturdy');
  assert.deepEqual([scaled.state, scaled.workers.length, scaled.host.pid], ['running', 4, host.pid]);

  const watched = commands(watching).map((command) => run('bash', ['-euo', 'pipefail', '-c', command]));
  const [events = '', tail = '', worse = '', followed = ''] = (await Promise.all(watched)).map(
    ({ stdout }) => stdout,
  );
  assert.match(events, /^event: snapshot\ndata: .*"name":"sturdy","state":"running"/m);
  for (const text of [tail, worse, followed]) wholeLines(text);
});

test('what it shows of groups from a file works', requires('curl'), async (t) => {
  const [text = ''] = blocksOf('yaml');
  assert.deepEqual(parseGroups(text).mistakes, []);
  const flags = ['--groups', `${ROOT}examples/groups.yaml`];
  const service = await startService(t, { workersDir: `${ROOT}examples`, flags });
  const written = blocks.filter((block) => /validate|\/v1\/reload/.test(block)).flatMap(commands);
  const answers = [];
  for (const command of written) {
    const here = command.replaceAll('127.0.0.1:8080', service.url.slice('http://'.length));
    answers.push((await run('bash', ['-euo', 'pipefail', '-c', here], { cwd: ROOT })).stdout);
  }
  const [validated = '', planned = '', reloaded = ''] = answers;
  assert.match(validated, /^examples\/groups\.yaml: \d+ groups, valid\n$/);
  assert.deepEqual([JSON.parse(planned).dryRun, JSON.parse(reloaded).dryRun], [true, false]);
  assert.equal(JSON.parse(reloaded).success, true, reloaded);
});

test('the worker that it shows works, registered as it shows', requires('curl'), async (t) => {
  const [source = ''] = blocksOf('js');
  const [registration = ''] = blocks.filter((block) => block.includes('lines.mjs'));
  const directory = workersDir(t, { 'lines.mjs': source, 'data.txt': 'a\nb\nc\nd\ne\n' });
  const service = await startService(t, { workersDir: directory });
  const here = registration
    .replaceAll('127.0.0.1:8080', service.url.slice('http://'.length))
    .replace('/data/lines.txt', `${directory}/data.txt`);
  await run('bash', ['-euo', 'pipefail', '-c', here]);
  await service.reaches('lines', 'completed');
  const told = service.log
    .filter(({ msg }) => msg === 'a line')
    .map(({ fields }) => (fields as { line: string }).line);
  assert.deepEqual(told.sort(), ['a', 'b', 'c', 'd', 'e']);
});

test('the worker with a feed and the trainer that it shows work together', requires('python3'), async (t) => {
  const [, source = ''] = blocksOf('js');
  const [trainer = ''] = blocksOf('py');
  const service = await startService(t, { workersDir: workersDir(t, { 'batches.mjs': source }) });
  await service.register({ name: 'digits', module: 'batches.mjs', feed: { capacity: 2 }, maxIterations: 2 });
  await service.start('digits');
  const here = trainer.replace('http://127.0.0.1:8080', service.url);
  const { stdout } = await run(
    'python3',
    ['-Bc', `${here}    print(images.dtype, images.shape, len(images))\n`],
    {
      cwd: `${ROOT}examples/digits`,
    },
  );
  assert.equal(stdout, 'F32 (32, 64) 2048\n'.repeat(4));
});

test('the command is found as it says, in a checkout', async () => {
  const [, words = ''] = /\bcheckout type `([^`]+)`/.exec(readme.replaceAll('\n', ' ')) ?? [];
  const [, alias = ''] = /`alias parallel-workers="([^"]+)"`/.exec(readme) ?? [];
  for (const command of [words, alias]) {
    assert.notEqual(command, '');
    const { stdout } = await run('bash', ['-c', `${command} --version`], { cwd: ROOT });
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/, command);
  }
});

test('what it says of Prometheus is what is shipped', () => {
  const [shown = ''] = blocksOf('yaml').filter((block) => block.includes('scrape_configs'));
  const shipped = parse(readFileSync(`${ROOT}deploy/prometheus/prometheus.yml`, 'utf8'));
  assert.deepEqual(parse(shown), { scrape_configs: shipped.scrape_configs });
});

test('every npm command that it names exists, and the start command serves the examples', () => {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  const named = [...readme.matchAll(/npm (?:run )?(ci|cit|start|test|demo|bench|[a-z:]+)\b/g)].map(
    ([, name]) => name ?? '',
  );
  const wanted = named.filter((name) => !['ci', 'cit', 'install', 'run'].includes(name));
  assert.ok(wanted.length >= 3);
  for (const name of wanted) assert.ok(scripts[name], `npm run ${name}`);
  assert.match(scripts.start, /PW_WORKERS_DIR:-examples/);
});

test('the table of settings is that of the code', () => {
  const rows = settingsTable().map(
    (row) => `| \`${row.variable}\` | \`${row.flag}\` | ${row.default} | ${row.meaning} |`,
  );
  const table = ['| variable | flag | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  const [, written] = /<!-- settings -->\n(.*?)\n?<!-- \/settings -->/s.exec(readme) ?? [];
  assert.equal(written, table, 'put this table between the markers of README.md');
});

test('the table of the spec has every field and no other', () => {
  const [, section = ''] = /## The group spec\n(.*?)\n## /s.exec(readme) ?? [];
  const fields = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, field]) => field);
  assert.deepEqual(fields, Object.keys(GroupSpec.properties));
});
