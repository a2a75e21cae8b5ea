import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { promisify } from 'node:util';
import { settingsTable } from '#dist/config.js';
import { GroupSpec } from '#dist/schemas/group-spec.js';
import { requires } from '../support/requires.js';
import { ROOT, startService } from '../support/service.js';

const readme = readFileSync(`${ROOT}README.md`, 'utf8');
const blocks = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text]) => text ?? '');
const run = promisify(execFile);

test('the curl session works as it is written', requires('curl'), async (t) => {
  const session = blocks.filter((block) => block.includes('curl'));
  assert.equal(session.length, 1);
  const service = await startService(t, { workersDir: `${ROOT}examples` });
  const script = (session[0] ?? '').replaceAll('127.0.0.1:8080', service.url.slice('http://'.length));
  const { stdout } = await run('bash', ['-euxo', 'pipefail', '-c', script]);
  assert.match(stdout, /"state":"running"/);
  assert.match(stdout, /^worker_time_seconds_count\{group="train"\} \d+$/m);
  assert.equal(stdout.match(/"success":true/g)?.length, 8, stdout);
});

test('every npm command that it names exists, and the start command serves the examples', () => {
  const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
  const named = [...readme.matchAll(/npm (?:run )?(ci|cit|start|test|demo|bench|[a-z:]+)\b/g)].map(
    ([, name]) => name ?? '',
  );
  const commands = named.filter((name) => !['ci', 'cit', 'run'].includes(name));
  assert.ok(commands.length >= 3);
  for (const name of commands) assert.ok(scripts[name], `npm run ${name}`);
  assert.match(scripts.start, /--workers-dir examples$/);
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
