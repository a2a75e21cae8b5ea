import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { listeningApp } from '../support/listening-app.js';
import { exchange, type HeaderLines, rawRequest } from '../support/raw-http.js';
import { MODULES } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const SPEC = JSON.stringify({ name: 'a', module: 'empty.mjs' });
const JSON_TYPE = ['content-type', 'application/json'] as const;

test('DNS rebinding: a name that nobody allowed is refused, whatever its form', async (t) => {
  const { raw, groups, port } = await listeningApp(t, {
    access: { allowedHosts: ['parallel-workers', 'Workers.Example.COM'] },
  });
  const refused = [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'evil-localhost',
    'a.localhost',
    'sub.parallel-workers',
    'parallel-workers.evil.example',
    'parallel-workers..',
    '127.1',
    '2130706433',
    '0x7f000001',
    '127.0.0.256',
    '[evil.example]',
    '[127.0.0.1]',
    '[::1',
    '::1',
    '[::1]evil.example',
    'localhost@evil.example',
    'evil.example@localhost',
    'localhost/evil.example',
    'localhost:80:80',
    'localhost:123456',
    'localhost:http',
    'localhost evil.example',
    'localhost, evil.example',
    'localhost\tevil.example',
    'löcalhost',
    '',
    '.',
    ':80',
  ];
  for (const host of refused) {
    await t.test(JSON.stringify(host), async () => {
      const posted = await raw('POST', '/v1/groups', [['host', host], JSON_TYPE], SPEC);
      assert.deepEqual([posted.status, posted.body.code], [403, 'host_not_allowed'], posted.body.detail);
      for (const path of ['/v1/groups', '/metrics', '/docs', '/openapi.json', '/nope'])
        assert.equal((await raw('GET', path, [['host', host]])).body.code, 'host_not_allowed', path);
    });
  }
  const { body } = await raw('GET', '/v1/groups', [['host', 'evil.example']]);
  assert.match(body.detail, /"evil\.example".*PW_ALLOWED_HOSTS/);

  const accepted = [
    '127.0.0.1',
    `127.0.0.1:${port}`,
    '10.1.2.3:80',
    '[::1]',
    `[::1]:${port}`,
    '[::FFFF:127.0.0.1]',
  ]
    .concat('localhost', 'LocalHost:1', 'localhost.', 'localhost.:8080', 'localhost:')
    .concat('parallel-workers:8080', 'PARALLEL-workers', 'workers.example.com', 'workers.example.com.:443');
  for (const host of accepted)
    assert.equal((await raw('GET', '/v1/groups', [['host', host]])).status, 200, host);
  assert.deepEqual(groups(), []);
});

test('a request that names two hosts is refused', async (t) => {
  const { raw, groups } = await listeningApp(t);
  const two: Record<string, [target: string, headers: HeaderLines]> = {
    'two Host headers': [
      '/v1/groups',
      [
        ['host', 'localhost'],
        ['host', 'evil.example'],
      ],
    ],
    'the same twice': [
      '/v1/groups',
      [
        ['host', 'localhost'],
        ['Host', 'localhost'],
      ],
    ],
    'a target with a host': ['http://evil.example/v1/groups', [['host', 'localhost']]],
    'a target with its own': ['http://localhost/v1/groups', [['host', 'localhost']]],
  };
  for (const [what, [target, headers]] of Object.entries(two)) {
    const { status, body } = await raw('POST', target, [...headers, JSON_TYPE], SPEC);
    assert.deepEqual([status, body.code], [400, 'invalid_request'], what);
    assert.match(body.detail, /send one|must be a path/, what);
  }
  assert.deepEqual(groups(), []);
});

test('supervisors may call by any name, and HTTP/1.0 without one', async (t) => {
  const { raw, port } = await listeningApp(t);
  for (const path of ['/livez', '/readyz'])
    assert.equal((await raw('GET', path, [['host', 'anything.example']])).status, 200, path);
  const { status } = await exchange(t, { port }, 'GET /v1/groups HTTP/1.0\r\n\r\n');
  assert.equal(status, 200);
});

test('pages of others are refused, for every method and path', async (t) => {
  const { raw, groups, app, port } = await listeningApp(t, { access: { allowedHosts: ['ours.example'] } });
  await raw('POST', '/v1/groups', [['host', 'localhost'], JSON_TYPE], SPEC);
  const before = groups();
  const host = `localhost:${port}`;
  const foreign: HeaderLines = [
    ['origin', 'https://evil.example'],
    ['origin', 'null'],
    ['origin', ''],
    ['origin', 'http://localhost'],
    ['origin', `http://localhost:${port + 1}`],
    ['origin', `http://127.0.0.1:${port}`],
    ['origin', `http://localhost:${port}.evil.example`],
    ['origin', `http://localhost:${port}@evil.example`],
    ['origin', `http://evil.example/localhost:${port}`],
    ['origin', `http://localhost:${port}/`],
    ['origin', `ftp://localhost:${port}`],
    ['origin', `http://localhost:${port}, https://evil.example`],
    ['origin', 'file://'],
    ['origin', 'chrome-extension://abcdefgh'],
    ['sec-fetch-site', 'cross-site'],
    ['sec-fetch-site', 'same-site'],
  ];
  const requests = [
    'GET /v1/groups',
    'HEAD /v1/groups',
    'OPTIONS /v1/groups',
    'POST /v1/start',
    'POST /v1/stop',
  ]
    .concat(
      'POST /v1/groups/a/start',
      'DELETE /v1/groups/a',
      'GET /metrics',
      'GET /livez',
      'GET /docs',
      'GET /nope',
    )
    .map((request) => request.split(' '));
  for (const [name, value] of foreign) {
    await t.test(`${name}: ${value}`, async () => {
      for (const [method = '', path = ''] of requests) {
        const { status, body, headers } = await raw(method, path, [
          ['host', host],
          [name, value],
        ]);
        assert.equal(status, 403, `${method} ${path}`);
        if (method !== 'HEAD') assert.equal(body.code, 'origin_not_allowed');
        assert.equal(headers.get('access-control-allow-origin'), null);
      }
      for (const [method, body] of [
        ['POST', JSON.stringify({ name: 'b', module: 'empty.mjs' })],
        ['PUT', SPEC],
        ['PATCH', '{"workers":1}'],
      ] as const) {
        const path = method === 'POST' ? '/v1/groups' : '/v1/groups/a';
        const answer = await raw(method, path, [['host', host], [name, value], JSON_TYPE], body);
        assert.deepEqual([answer.status, answer.body.code], [403, 'origin_not_allowed'], method);
      }
    });
  }
  const twice: HeaderLines = [
    ['host', host],
    ['origin', `http://${host}`],
    ['origin', 'https://evil.example'],
  ];
  assert.equal((await raw('POST', '/v1/stop', twice)).status, 403, 'two origins');
  assert.deepEqual(groups(), before);

  const own: HeaderLines[] = [
    [
      ['host', host],
      ['origin', `http://${host}`],
    ],
    [
      ['host', 'LOCALHOST:80'],
      ['origin', 'http://localhost'],
    ],
    [
      ['host', '[::1]:99'],
      ['origin', 'http://[::1]:99'],
    ],
    // Behind a proxy that ends TLS.
    [
      ['host', 'ours.example'],
      ['origin', 'https://ours.example'],
      ['sec-fetch-site', 'same-origin'],
    ],
    [
      ['host', host],
      ['sec-fetch-site', 'none'],
      ['sec-fetch-mode', 'navigate'],
    ],
    // Somebody followed a link.
    [
      ['host', host],
      ['sec-fetch-site', 'cross-site'],
      ['sec-fetch-mode', 'navigate'],
    ],
  ];
  for (const headers of own)
    assert.equal((await raw('GET', '/v1/groups', headers)).status, 200, JSON.stringify(headers));
  assert.equal(app.coordinator.list().length, 1);
});

test('what a page can post without asking first is refused, even from a browser that tells no origin', async (t) => {
  const { raw, groups } = await listeningApp(t);
  const boundary = '--x\r\ncontent-disposition: form-data; name="name"\r\n\r\na\r\n--x--\r\n';
  const posts: [type: string | undefined, body: string][] = [
    ['text/plain', SPEC],
    ['text/plain;charset=UTF-8', SPEC],
    ['text/plain; x=application/json', SPEC],
    ['application/x-www-form-urlencoded', 'name=a&module=empty.mjs'],
    ['application/x-www-form-urlencoded', SPEC],
    ['multipart/form-data; boundary=x', boundary],
    ['application/jsonx', SPEC],
    ['text/json', SPEC],
    [undefined, SPEC],
    ['', SPEC],
    ['text/plain', ' '],
    ['text/plain', '{}'],
  ];
  for (const [type, body] of posts) {
    for (const path of ['/v1/groups', '/v1/start', '/v1/stop']) {
      const headers: HeaderLines = [
        ['host', 'localhost'],
        ...(type === undefined ? [] : ([['content-type', type]] as const)),
      ];
      const answer = await raw('POST', path, headers, body);
      const what = `${path} ${type} ${answer.body.detail}`;
      assert.deepEqual([answer.status, answer.body.code], [415, 'unsupported_media_type'], what);
    }
  }
  // Without a length there may be a body, or none.
  const chunked: HeaderLines = [
    ['host', 'localhost'],
    ['content-type', 'text/plain'],
    ['transfer-encoding', 'chunked'],
  ];
  const { port } = await listeningApp(t);
  const some = await exchange(t, { port }, `${rawRequest('POST', '/v1/stop', chunked)}2\r\n{}\r\n0\r\n\r\n`);
  assert.equal(some.body.code, 'unsupported_media_type');
  assert.deepEqual(groups(), []);
});

test('answers tell browsers to be careful; pages load only what is here, and no script is written into them', async (t) => {
  const { fetch } = await listeningApp(t, { access: { token: 'x' } });
  for (const path of ['/v1/groups', '/metrics', '/livez', '/nope']) {
    const { headers } = await fetch('GET', path, { authorization: 'Bearer x' });
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.equal(headers.get('cache-control'), 'no-store', path);
    assert.equal(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'", path);
  }
  assert.equal(
    (await fetch('GET', '/v1/groups')).headers.get('x-content-type-options'),
    'nosniff',
    'of a 401',
  );

  const page = await fetch('GET', '/docs');
  assert.equal(page.headers.get('x-frame-options'), 'DENY');
  const policy = page.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^default-src 'none'; script-src 'self';/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe|https?:/);
  for (const [script] of String(page.body).matchAll(/<script[^>]*>[^<]*/g))
    assert.match(script, /src="[^"]+".*>\s*$/);
  assert.doesNotMatch(page.body, /\son\w+=/);
  const parts = [...String(page.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
  assert.ok(parts.length >= 5, `the page has ${parts}`);
  for (const path of parts) {
    const { status, headers } = await fetch('GET', path);
    assert.equal(status, 200, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.match(
      headers.get('content-type') ?? '',
      /^(text\/css|(text|application)\/javascript|image\/png)/,
      path,
    );
  }
});

test('over a Unix socket any name will do, and the token is asked for as ever', async (t) => {
  const { app, raw } = await listeningApp(t, { access: { token: 'x', rateLimit: 5 } });
  const path = join(temporaryDirectory(t), 'socket');
  const door = createServer((connection) => app.server.server.emit('connection', connection));
  await new Promise<void>((resolve) => door.listen(path, resolve));
  t.after(() => door.close());
  const call = (headers: HeaderLines) => exchange(t, { path }, rawRequest('GET', '/v1/groups', headers));
  const authorization = ['authorization', 'Bearer x'] as const;
  assert.equal((await call([['host', 'anything.example'], authorization])).status, 200);
  assert.equal((await call([['host', 'anything.example']])).body.code, 'unauthorized');
  assert.equal((await call([['host', 'localhost'], authorization, ['origin', 'null']])).status, 403);
  assert.equal(
    (await raw('GET', '/v1/groups', [['host', 'anything.example']])).body.code,
    'host_not_allowed',
  );
  // One client, whatever it calls itself, and not the one of TCP.
  let last = await call([authorization, ['host', 'a']]);
  for (let calls = 0; last.status === 200 && calls < 200; calls++)
    last = await call([authorization, ['host', 'a']]);
  assert.equal(last.body.code, 'rate_limited');
});

test('a service on a Unix socket alone', async (t) => {
  const { buildApp } = await import('#dist/app.js');
  const { server } = await buildApp({ workersDir: MODULES, maxWorkers: 1, maxGroups: 1 });
  t.after(() => server.close());
  const path = join(temporaryDirectory(t), 'socket');
  await server.listen({ path });
  assert.equal((await exchange(t, { path }, rawRequest('GET', '/v1/groups', [['host', 'x']]))).status, 200);
});
