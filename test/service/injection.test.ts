import assert from 'node:assert/strict';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exchange, rawRequest } from '../support/raw-http.js';
import { startService } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir, writeFiles } from '../support/workers-dir.js';

const JSON_HEADERS = [
  ['host', 'localhost'],
  ['content-type', 'application/json'],
] as const;

/** A module that leaves a mark when it runs. */
const marks = (mark: string) =>
  `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(mark)}, '');\nexport default async (id, ctx) => { await ctx.sleep(3600); };\n`;

test('modules outside of the workers directory are never loaded, by path or by link', async (t) => {
  const outside = temporaryDirectory(t);
  const mark = join(outside, 'it-ran');
  writeFiles(outside, { 'evil.mjs': marks(mark) });
  const evil = join(outside, 'evil.mjs');
  const inside = workersDir(t, {
    'good.mjs': 'export default async (id, ctx) => { await ctx.sleep(3600); };\n',
  });
  symlinkSync(evil, join(inside, 'link.mjs'));
  symlinkSync(outside, join(inside, 'directory'));
  symlinkSync('link.mjs', join(inside, 'twice.mjs'));
  const service = await startService(t, { workersDir: inside });
  const up = '../'.repeat(20);
  const paths = [evil, `${up}${evil.slice(1)}`, `good.mjs/../${up}${evil.slice(1)}`, `./${up}etc/passwd`]
    .concat('..', '../', '/etc/passwd', 'link.mjs', 'twice.mjs', 'directory/evil.mjs', 'directory')
    .concat(
      `file://${evil}`,
      `data:text/javascript,${marks(mark)}`,
      'node:fs',
      'fs',
      'good.mjs?x',
      'good.mjs#x',
    )
    .concat('good.mjs\0', `good.mjs\0${evil}`, '%2e%2e/evil.mjs', '..\\evil.mjs', '', '.', '/');
  for (const path of paths) {
    for (const field of ['module', 'loggers']) {
      const spec = { name: 'a', module: 'good.mjs', [field]: field === 'module' ? path : [path] };
      const { status, body } = await service.call('POST', '/v1/groups', spec);
      assert.ok(
        status === 422 || status === 400,
        `${field} ${JSON.stringify(path)}: ${status} ${body.detail}`,
      );
    }
  }
  assert.deepEqual((await service.call('GET', '/v1/groups')).body.groups, []);

  // A file that is a link to elsewhere by the time it is loaded.
  writeFiles(inside, { 'swapped.mjs': 'export default async () => {};\n' });
  await service.register({ name: 'swapped', module: 'swapped.mjs' });
  rmSync(join(inside, 'swapped.mjs'));
  symlinkSync(evil, join(inside, 'swapped.mjs'));
  const started = await service.call('POST', '/v1/groups/swapped/start');
  assert.deepEqual([started.status, started.body.code], [422, 'module_not_allowed']);
  assert.equal(existsSync(mark), false, 'nothing from outside has run');
});

test('line breaks and quotes get into no header, no line of the log and no line of the metrics', async (t) => {
  const throwsText = `export default (id, { params, log }) => {
    const [text] = Object.keys(params);
    log.info(text, { text });
    console.error(text);
    throw new Error(text);
  };\n`;
  const service = await startService(t, {
    workersDir: workersDir(t, { 'empty.mjs': 'export default () => {};\n', 'throws-text.mjs': throwsText }),
  });
  const port = Number(new URL(service.url).port);
  const call = (method: string, target: string, body?: string) =>
    exchange(t, { port }, rawRequest(method, target, JSON_HEADERS, body));
  const nasty = [
    'a\r\nx-injected: 1',
    'a\nx-injected: 1',
    'a"} 1\nworker_injected{x="',
    'a\\',
    'a\u2028b',
    '"}{"',
  ];

  for (const name of nasty) {
    for (const [method, path] of [
      ['POST', '/v1/groups'],
      ['PUT', `/v1/groups/${encodeURIComponent(name)}`],
    ] as const) {
      const answer = await call(method, path, JSON.stringify({ name, module: 'empty.mjs' }));
      assert.deepEqual([answer.status, answer.body.code], [400, 'invalid_request'], name);
      assert.equal(answer.headers.get('x-injected'), null);
    }
    const encoded = encodeURIComponent(name);
    for (const target of [`/v1/groups/${encoded}`, `/v1/groups?state=${encoded}`])
      assert.equal((await call('GET', target)).status, 400, target);
    const none = await call('GET', `/v1/groups?label=${encodeURIComponent(`x=${name}`)}`);
    assert.deepEqual([none.status, none.body.groups], [200, []]);
    for (const target of [`/${encoded}`, `/v1/${encoded}/start`])
      assert.equal((await call('POST', target)).status, 404, target);
    const key = await call(
      'POST',
      '/v1/groups',
      JSON.stringify({ name: 'b', module: 'empty.mjs', labels: { [name]: 'x' } }),
    );
    assert.equal(key.status, 400, `a label ${name}`);
    const reason = await call('POST', '/v1/groups', JSON.stringify({ name: 'b', module: name }));
    assert.ok(reason.status === 422 || reason.status === 400, `a module ${name}: ${reason.status}`);
  }
  // Bytes that would end a line, as they are.
  for (const target of ['/v1/groups/a\rb', '/v1/groups/a\0b', '/v1/groups/a b'])
    assert.equal((await call('GET', target)).status, 400, JSON.stringify(target));
  for (const value of ['a\rx-injected: 1', 'a\0b']) {
    const bytes = `GET /v1/groups HTTP/1.1\r\nhost: localhost\r\nx-given: ${value}\r\nconnection: close\r\n\r\n`;
    assert.equal((await exchange(t, { port }, bytes)).status, 400, JSON.stringify(value));
  }

  // Where any text is allowed: the values of labels, params, and what worker code throws and logs.
  const [text = ''] = nasty.slice(2);
  await service.register({
    name: 'odd',
    module: 'throws-text.mjs',
    workers: 1,
    labels: { odd: text },
    params: { [text]: text },
  });
  await service.call('POST', '/v1/groups/odd/start');
  assert.match((await service.reaches('odd', 'failed')).reason, /worker_injected/);
  const metrics = await service.metrics();
  assert.doesNotMatch(metrics, /injected/);
  const label = '[a-z_\\d]+="[^"\\\\]*"';
  const sample = new RegExp(`^[a-z_\\d]+(\\{${label}(,${label})*\\})? (NaN|Nan|[-+.\\de]+)$`);
  for (const line of metrics
    .split('\n')
    .filter((line) => line !== '' && !/^# (HELP|TYPE) [a-z_\d]+ /.test(line)))
    assert.match(line, sample);
  assert.ok(service.log.length > 20);
  for (const { level, msg } of service.log) assert.ok(level > 0, `a line of the log is none: ${msg}`);
});

test('JSON that is deep, wide or endless costs its sender only', async (t) => {
  const service = await startService(t);
  const port = Number(new URL(service.url).port);
  const MOST = 1024 * 1024;
  const bodies: Record<string, string> = {
    'arrays as deep as a body can be': '['.repeat(MOST - 1),
    'closed, too': '['.repeat(MOST / 2) + ']'.repeat(MOST / 2),
    objects: `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
    'half a million numbers': `[${'1,'.repeat(MOST / 2 - 2)}1]`,
    'a hundred thousand fields': `{${Array.from({ length: 80_000 }, (_, i) => `"a${i}":1`).join()}}`,
    'a long number': '1'.repeat(MOST),
    'escapes that are none': `"${'\\u00'.repeat(10_000)}"`,
  };
  for (const [what, body] of Object.entries(bodies)) {
    const answer = await exchange(t, { port }, rawRequest('POST', '/v1/groups', JSON_HEADERS, body));
    assert.equal(answer.status, 400, what);
    assert.ok(JSON.stringify(answer.body).length < 20_000, `the answer to ${what} is long`);
  }
  // A length that is a lie, and one that nobody has memory for.
  for (const length of ['1048577', '9007199254740993', '99999999999999999999']) {
    const head =
      'POST /v1/groups HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close\r\n';
    const answer = await exchange(t, { port }, `${head}content-length: ${length}\r\n\r\n{}`);
    assert.ok([400, 413].includes(answer.status), `${length}: ${answer.status}`);
  }
  assert.equal((await service.call('GET', '/livez')).status, 200);
  assert.deepEqual((await service.call('GET', '/v1/groups')).body.groups, []);
});
