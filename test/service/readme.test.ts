import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { promisify } from 'node:util';
import { settingsTable } from '#dist/config.js';
import { GroupSpec } from '#dist/schemas/group-spec.js';
import { requires } from '../support/requires.js';
import { ROOT, startService } from '../support/service.js';
import { workersDir } from '../support/workers-dir.js';

const readme = readFileSync(`${ROOT}README.md`, 'utf8');
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text]) => text ?? '');
const run = promisify(execFile);

test('the curl session works as it is written', requires('curl', 'jq'), async (t) => {
  const session = blocks.filter((block) => block.includes('curl'));
  assert.equal(session.length, 2, 'the first steps, and how to scale');
  const service = await startService(t, { workersDir: `${ROOT}examples` });
  const [first = '', scale = ''] = session.map((block) =>
    block.replaceAll('127.0.0.1:8080', service.url.slice('http://'.length)),
  );
  const { stdout } = await run('bash', ['-euxo', 'pipefail', '-c', first]);
  assert.match(stdout, /"state":"running"/);
  assert.match(stdout, /^worker_time_seconds_count\{group="train"\} \d+$/m);
  assert.equal(stdout.match(/"success":true/g)?.length, 8, stdout);
  assert.doesNotMatch(stdout, /urn:parallel-workers:problem/);

  await service.register({ name: 'train', module: 'hello.mjs' });
  await service.start('train');
  await run('bash', ['-euxo', 'pipefail', '-c', scale]);
  const scaled = await service.status('train');
  assert.deepEqual([scaled.state, scaled.workers.length], ['running', 4]);
});

test('the worker that it shows works', async (t) => {
  const [, source = ''] = /^```js\n(.*?)^```/ms.exec(readme) ?? [];
  const directory = workersDir(t, { 'lines.mjs': source, 'data.txt': 'a\nb\nc\nd\ne\n' });
  const service = await startService(t, { workersDir: directory });
  await service.register({ name: 'lines', module: 'lines.mjs', params: { file: `${directory}/data.txt` } });
  await service.start('lines');
  await service.reaches('lines', 'completed');
  const told = service.log
    .filter(({ msg }) => msg === 'a line')
    .map(({ fields }) => (fields as { line: string }).line);
  assert.deepEqual(told.sort(), ['a', 'b', 'c', 'd', 'e']);
});

test('every npm command that it names exists, and the start command serves the examples', () => {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  const named = [...readme.matchAll(/npm (?:run )?(ci|cit|start|test|demo|bench|[a-z:]+)\b/g)].map(
    ([, name]) => name ?? '',
  );
  const commands = named.filter((name) => !['ci', 'cit', 'run'].includes(name));
  assert.ok(commands.length >= 3);
  for (const name of commands) assert.ok(scripts[name], `npm run ${name}`);
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
