import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { listeningApp } from '../support/listening-app.js';
import type { HeaderLines } from '../support/raw-http.js';
import { ROOT } from '../support/service.js';

const TOKEN = 'correct-horse-battery-staple-0123456789';
const READ_TOKEN = 'only-for-looking-9876543210';
const access = { token: TOKEN, readToken: READ_TOKEN };

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test('who sends no token, or another, is told what to send, and changes nothing', async (t) => {
  const { raw, groups } = await listeningApp(t, { access });
  const refused: Record<string, HeaderLines> = {
    'no header': [],
    'an empty header': [['authorization', '']],
    'a scheme alone': [['authorization', 'Bearer']],
    'a scheme and a space': [['authorization', 'Bearer ']],
    'a token without a scheme': [['authorization', TOKEN]],
    'another scheme': [['authorization', `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`]],
    'another token of the same length': [['authorization', `Bearer ${'x'.repeat(TOKEN.length)}`]],
    'a beginning of the token': [['authorization', `Bearer ${TOKEN.slice(0, -1)}`]],
    'the token and a letter': [['authorization', `Bearer ${TOKEN}x`]],
    'one letter': [['authorization', 'Bearer c']],
    'the token in capitals': [['authorization', `Bearer ${TOKEN.toUpperCase()}`]],
    'a token of 8,000 letters': [['authorization', `Bearer ${'c'.repeat(8000)}`]],
    'both tokens in one header': [['authorization', `Bearer ${TOKEN} ${READ_TOKEN}`]],
    'tokens with a comma': [['authorization', `Bearer ${READ_TOKEN}, Bearer ${TOKEN}`]],
    'the token twice': [
      ['authorization', `Bearer ${TOKEN}`],
      ['authorization', `Bearer ${TOKEN}`],
    ],
    'two headers, the right one last': [
      ['authorization', 'Bearer x'],
      ['authorization', `Bearer ${TOKEN}`],
    ],
    'the token in another header': [['x-authorization', `Bearer ${TOKEN}`]],
    'the token as a cookie': [['cookie', `token=${TOKEN}`]],
  };
  const spec = JSON.stringify({ name: 'a', module: 'empty.mjs' });
  for (const [what, headers] of Object.entries(refused)) {
    await t.test(what, async () => {
      const all: HeaderLines = [['host', 'localhost'], ['content-type', 'application/json'], ...headers];
      const answer = await raw('POST', '/v1/groups', all, spec);
      assert.deepEqual([answer.status, answer.body.code], [401, 'unauthorized']);
      assert.match(answer.body.detail, /"authorization: Bearer TOKEN".*PW_TOKEN/);
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
      assert.doesNotMatch(JSON.stringify(answer.body), new RegExp(`${TOKEN}|${READ_TOKEN}`));
    });
  }
  assert.deepEqual(groups(), []);
});

test('the token is taken with a scheme in any case, and may have any letters', async (t) => {
  const token = 'größe-🎉-"\\=';
  const { raw } = await listeningApp(t, { access: { token } });
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'Bearer  ']) {
    const { status } = await raw('GET', '/v1/groups', [
      ['host', 'localhost'],
      ['authorization', `${scheme} ${token}`],
    ]);
    assert.equal(status, 200, scheme);
  }
});

test('pages, health and metrics need no token; a path that does not exist does', async (t) => {
  const { fetch } = await listeningApp(t, { access });
  for (const path of ['/', '/livez', '/readyz', '/metrics', '/openapi.json', '/docs', '/docs/json'])
    assert.equal((await fetch('GET', path)).status, 200, path);
  for (const [method, path] of [
    ['GET', '/v1/nope'],
    ['GET', '/docs/nope'],
    ['GET', '/assets/nope.js'],
    ['POST', '/livez'],
    ['OPTIONS', '/v1/groups'],
    ['GET', '//livez'],
  ] as const) {
    assert.equal((await fetch(method, path)).body.code, 'unauthorized', `${method} ${path}`);
    assert.equal((await fetch(method, path, bearer(TOKEN))).body.code, 'route_not_found');
  }
});

test('the read-only token may do every GET of the document, and nothing else', async (t) => {
  const { fetch, groups, url } = await listeningApp(t, { access });
  const body = JSON.stringify({ name: 'a', module: 'empty.mjs' });
  const json = { 'content-type': 'application/json' };
  assert.equal((await fetch('POST', '/v1/groups', { ...bearer(TOKEN), ...json }, body)).status, 201);
  const before = groups();

  const { paths } = JSON.parse(readFileSync(`${ROOT}openapi/openapi.json`, 'utf8')) as {
    paths: Record<string, Record<string, unknown>>;
  };
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => ({ method: method.toUpperCase(), path: path.replace('{name}', 'a') })),
  );
  assert.ok(operations.length > 10);
  for (const { method, path } of operations) {
    await t.test(`${method} ${path}`, async () => {
      if (method === 'GET') {
        // Only whether it is let in: what follows may be a stream without an end.
        const abort = new AbortController();
        const response = await globalThis.fetch(url + path, {
          headers: bearer(READ_TOKEN),
          signal: abort.signal,
        });
        abort.abort();
        assert.ok(response.status < 401 || response.status > 403, `it was ${response.status}`);
        return;
      }
      const answer = await fetch(method, path, { ...bearer(READ_TOKEN), ...json }, body);
      assert.deepEqual([answer.status, answer.body.code], [403, 'read_only_token']);
      assert.match(answer.body.detail, /PW_READ_TOKEN.*PW_TOKEN/);
    });
  }
  assert.deepEqual(groups(), before, 'nothing has changed');
  const head = await globalThis.fetch(`${url}/v1/groups`, { method: 'HEAD', headers: bearer(READ_TOKEN) });
  assert.equal(head.status, 200);
  assert.equal((await fetch('DELETE', '/v1/groups/a', bearer(TOKEN))).status, 200, 'the other may');
});

test('without a token nobody is asked; a read-only token alone, or the same twice, is a mistake', async (t) => {
  const { fetch } = await listeningApp(t);
  assert.equal((await fetch('POST', '/v1/stop')).status, 200);
  await assert.rejects(listeningApp(t, { access: { readToken: 'x' } }), /needs a token beside it/);
  await assert.rejects(listeningApp(t, { access: { token: 'x', readToken: 'x' } }), /must not be the token/);
});

test('no line of the log has a token in it, at its most talkative and when things go wrong', async (t) => {
  const lines: string[] = [];
  const stream = { write: (line: string) => lines.push(line) };
  const { fetch, raw } = await listeningApp(t, { access, logger: { level: 'trace', stream } });
  await fetch('GET', '/v1/groups', bearer(TOKEN));
  await fetch('POST', '/v1/stop', bearer(READ_TOKEN));
  await fetch('GET', '/v1/groups', bearer(`${TOKEN}x`));
  await fetch('POST', '/v1/groups', { ...bearer(TOKEN), 'content-type': 'application/json' }, '{');
  await raw('GET', 'http://x/v1/groups', [['authorization', `Bearer ${TOKEN}`]]);
  await raw('GET', '/v1/groups', [['authorization', `Bearer ${TOKEN}\x01`]]);
  assert.ok(lines.length >= 8, 'requests are in the log');
  for (const line of lines) assert.doesNotMatch(line, new RegExp(`${TOKEN}|${READ_TOKEN}`));
});
