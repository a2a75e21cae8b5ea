import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type Answer, answer, type Service, startService, until } from '../support/service.js';
import { ITERATES, workersDir } from '../support/workers-dir.js';

/** What is sent, and what must come back: a problem, and nothing else may have happened. */
interface Refusal {
  what: string;
  method: string;
  path: string;
  /** Sent as it is; no body when it is left out. */
  body?: string | undefined;
  /** `application/json` for requests with a body. */
  contentType?: string | undefined;
  status: number;
  code: string;
  /** What the detail tells the user. */
  says: RegExp;
  /** The only entry of `errors`. */
  pointer?: string | undefined;
}

const MAX_WORKERS = 8;
const FIRST_LETTER_RULE = /\[A-Za-z0-9\]|letter/;
const JSON_TYPE = 'application/json';

let registrations = 0;
/** A registration that is fine but for these fields; a name of its own, so that one accepted by mistake spoils only its own case. */
const spec = (fields: Record<string, unknown> = {}) => ({
  name: `bad-${registrations++}`,
  module: 'rests.mjs',
  ...fields,
});
/** A registration in which one field has this text for its value. */
const specText = (field: string, value: string) =>
  JSON.stringify(spec()).replace('}', `,"${field}":${value}}`);

const refusal = (method: string, path: string, says: RegExp, rest: Partial<Refusal> = {}): Refusal => ({
  what: `${method} ${path} ${rest.body ?? ''}`.slice(0, 80),
  method,
  path,
  says,
  status: 400,
  code: 'invalid_request',
  ...rest,
});
const badField = (pointer: string, fields: Record<string, unknown>, says: RegExp): Refusal => ({
  ...refusal('POST', '/v1/groups', says, { body: JSON.stringify(spec(fields)), pointer }),
  what: `${pointer} of ${JSON.stringify(fields)}`.slice(0, 80),
});
const badBody = (what: string, body: string | undefined, says: RegExp, rest: Partial<Refusal> = {}) =>
  refusal('POST', '/v1/groups', says, { what, body, ...rest });

const names = [
  ...['', '../x', 'a b', ' a', 'x'.repeat(64), 'größe', '.hidden', '-x', 'a/b', 'a\n', 'a\0'].map((name) =>
    badField('/name', { name }, FIRST_LETTER_RULE),
  ),
  badField('/name', { name: undefined }, /required/),
  badField('/name', { name: 7 }, /string/),
  ...['%2e%2e%2fx', 'a%20b', 'x'.repeat(64), 'gr%C3%B6%C3%9Fe', '.hidden', '%00'].map((name) =>
    refusal('GET', `/v1/groups/${name}`, FIRST_LETTER_RULE),
  ),
  refusal('GET', '/v1/groups/%zz', /%zz/),
  refusal('GET', `/v1/groups/${'x'.repeat(1000)}`, /length|letter|long/),
  refusal('PUT', '/v1/groups/.hidden', FIRST_LETTER_RULE, { body: '{"module":"rests.mjs"}' }),
];

/** Fields of the design that this version does not have are refused like any other: nobody may think they work. */
const unknownFields = [
  ...Object.entries({
    bogus: 1,
    Workers: 2,
    constructor: 1,
  }).map(([field, value]) => badField(`/${field}`, { [field]: value }, new RegExp(`${field}.*remove it`))),
  badField('/a~1b~0c', { 'a/b~c': 1 }, /remove it/),
  refusal('PUT', '/v1/groups/idle', /remove it/, {
    body: '{"module":"rests.mjs","bogus":1}',
    pointer: '/bogus',
  }),
];

const values = [
  ...['2', 2.5, null, [], {}, true].map((workers) => badField('/workers', { workers }, /integer/)),
  ...[0, -1].map((workers) => badField('/workers', { workers }, />= 1|at least 1/)),
  ...[MAX_WORKERS + 1, 1e9].map((workers) => badField('/workers', { workers }, /at most 8.*PW_MAX_WORKERS/)),
  badField('/module', { module: undefined }, /required/),
  badField('/module', { module: 5 }, /string/),
  badField('/module', { module: '' }, /character|empty/),
  ...['', 800, true, []].map((feed) => badField('/feed', { feed }, /object or null/)),
  ...[0, 1.5, 100_001, '8', null].map((capacity) => badField('/feed/capacity', { feed: { capacity } }, /./)),
  ...[0, '1', 2 ** 41].map((maxBytes) => badField('/feed/maxBytes', { feed: { maxBytes } }, /./)),
  badField('/feed/ordered', { feed: { ordered: 'yes' } }, /boolean/),
  badField('/feed/depth', { feed: { depth: 1 } }, /remove it/),
  badField('/labels', { labels: [] }, /object/),
  badField('/labels', { labels: null }, /object/),
  badField('/labels/role', { labels: { role: 1 } }, /string/),
  badField('/labels/a~1b', { labels: { 'a/b': null } }, /string/),
  badField('/labels/a b', { labels: { 'a b': 'x' } }, /letter|pattern/),
  badField('/stopGraceSeconds', { stopGraceSeconds: '5' }, /number/),
  badField('/stopGraceSeconds', { stopGraceSeconds: -1 }, />= 0/),
  badField('/startTimeoutSeconds', { startTimeoutSeconds: 0 }, /> 0/),
  badField('/logIntervalSeconds', { logIntervalSeconds: 0 }, />= 0\.1/),
  badField('/restart/policy', { restart: { maxRestarts: 3 } }, /required/),
  badField('/restart/policy', { restart: { policy: 'sometimes' } }, /never, on-failure, always/),
  badField('/restart/scope', { restart: { policy: 'always', scope: 'thread' } }, /worker, group/),
  badField('/restart/maxRestarts', { restart: { policy: 'always', maxRestarts: '5' } }, /integer/),
  badField('/restart/windowSeconds', { restart: { policy: 'always', windowSeconds: 0 } }, /> 0/),
  badField('/restart/backoff/factor', { restart: { policy: 'always', backoff: { factor: 0.5 } } }, />= 1/),
  badField('/restart/backoff/jitter', { restart: { policy: 'always', backoff: { jitter: 2 } } }, /<= 1/),
  badField('/restart/retries', { restart: { policy: 'always', retries: 3 } }, /remove it/),
  badField('/restart', { restart: 'always' }, /object/),
  badField('/limits/heapMb', { limits: { heapMb: 1 } }, />= 16/),
  badField('/limits/rssMb', { limits: { rssMb: '1G' } }, /integer or null/),
  badField('/iterationTimeoutSeconds', { iterationTimeoutSeconds: 0 }, />= 0.01/),
  badField('/intervalSeconds', { intervalSeconds: -1 }, />= 0/),
  badField('/intervalSeconds', { intervalSeconds: null }, /must be number/),
  badField('/maxIterations', { maxIterations: 1.5 }, /integer or null/),
  badField('/maxIterations', { maxIterations: 0 }, />= 1/),
  badField('/nice', { nice: 20 }, /<= 19/),
  badField('/nice', { nice: -1 }, />= 0/),
  badField('/permissions', { permissions: true }, /object/),
  badField('/permissions/read', { permissions: { read: '/data' } }, /array/),
  badField('/permissions/write/0', { permissions: { write: [''] } }, /character|empty/),
  badField('/permissions/read/0', { permissions: { read: ['a\0b'] } }, /pattern/),
  badField('/permissions/childProcess', { permissions: { childProcess: 'yes' } }, /boolean/),
  badField('/permissions/net', { permissions: { net: true } }, /remove it/),
  badField('/critical', { critical: 'yes' }, /boolean/),
  badField('/autostart', { autostart: 'yes' }, /boolean/),
  badField('/after', { after: 'other' }, /array/),
  badField('/after/0', { after: ['a b'] }, /pattern/),
  badField('/after', { after: ['other', 'other'] }, /duplicate/),
  badField('/after', { name: 'self', after: ['self'] }, /cycle.*self after self/),
  badField('/loggers', { loggers: 'a.mjs' }, /array/),
  badField('/buckets', { buckets: [1, 1] }, /ascending/),
  badField('/buckets', { buckets: [0.1, 2, 1] }, /ascending/),
  badField('/buckets', { buckets: [] }, /fewer than 1|at least/),
  badField('/buckets/0', { buckets: [-1, 1] }, /> 0/),
  badField('/buckets/1', { buckets: [1, '2'] }, /number/),
];

const deep = (open: string, close: string) =>
  specText('params', open.repeat(100_000) + close.repeat(100_000));

const bodies = [
  badBody('malformed JSON', '{"name": "x",\n "module": }', /Unexpected token '}'.*"module": }/s, {
    code: 'malformed_json',
  }),
  badBody('half of a JSON', '{"name":', /JSON.*(end|position)/s, { code: 'malformed_json' }),
  badBody('an empty body', '', /body must be/, { pointer: '' }),
  badBody('no body', undefined, /body must be/, { pointer: '' }),
  ...['[]', 'null', '"text"', '5', 'true'].map((body) =>
    badBody(`${body} for an object`, body, /must be object/, { pointer: '' }),
  ),
  badBody('2 MB', specText('params', `"${'x'.repeat(2_000_000)}"`), /1 MiB/, {
    status: 413,
    code: 'body_too_large',
  }),
  badBody('arrays 100,000 deep', deep('[', ']'), /nested/),
  badBody('objects 100,000 deep', deep('{"a":', '}').replace('{"a":}', '{}'), /nested/),
  badBody('a number beyond a float', specText('params', '{"a/b":[{"x":0},{"y":1e400}]}'), /too large/, {
    pointer: '/params/a~1b/1/y',
  }),
  badBody('the same, negative', specText('params', '-1e400'), /too large/, { pointer: '/params' }),
  badBody('__proto__ at the top', specText('__proto__', '{"workers":1}'), /__proto__/),
  badBody('__proto__ in labels', specText('labels', '{"__proto__":"x"}'), /__proto__/),
  badBody('__proto__ in params', specText('params', '{"a":[{"__proto__":{"b":1}}]}'), /__proto__/),
  badBody(
    'constructor.prototype in params',
    specText('params', '{"constructor":{"prototype":{}}}'),
    /constructor/,
  ),
  ...['text/plain', 'application/x-www-form-urlencoded', 'application/vnd.x+json', 'garbage'].map(
    (contentType) =>
      badBody(`JSON as ${contentType}`, JSON.stringify(spec()), /application\/json/, {
        contentType,
        status: 415,
        code: 'unsupported_media_type',
      }),
  ),
  ...[
    '/v1/groups/target/start',
    '/v1/groups/target/stop',
    '/v1/groups/target/restart',
    '/v1/start',
    '/v1/stop',
    '/v1/reload',
  ].map((path) => refusal('POST', path, /takes no body/, { body: '{"name":"target"}' })),
  ...['[]', '[1]', 'null', '"x"'].map((body) =>
    refusal('POST', '/v1/groups/target/start', /takes no body/, { body }),
  ),
  refusal('DELETE', '/v1/groups/target', /takes no body/, { body: '{"force":true}' }),
];

const queries = [
  ...[
    'GET /v1/groups',
    'GET /v1/groups/target',
    'POST /v1/groups/target/start',
    'POST /v1/groups/target/stop',
  ]
    .concat('POST /v1/groups/target/restart', 'POST /v1/start', 'POST /v1/stop', 'POST /v1/reload')
    .concat('DELETE /v1/groups/target')
    .map((route) => route.split(' '))
    .map(([method = '', path = '']) =>
      refusal(method, `${path}?bogus=1`, /bogus.*remove/, { pointer: '?bogus' }),
    ),
  refusal('POST', '/v1/groups?bogus=1', /remove/, { body: JSON.stringify(spec()), pointer: '?bogus' }),
  refusal('PUT', '/v1/groups/target?bogus=1', /remove/, {
    body: '{"module":"rests.mjs"}',
    pointer: '?bogus',
  }),
  refusal('PATCH', '/v1/groups/target?bogus=1', /remove/, {
    body: '{"stopGraceSeconds":1}',
    pointer: '?bogus',
  }),
  ...['maybe', '', '1', 'true&wait=false'].map((wait) =>
    refusal('POST', `/v1/groups/target/start?wait=${wait}`, /true, false/, { pointer: '?wait' }),
  ),
  refusal('POST', '/v1/groups/target/stop?wait=0', /true, false/, { pointer: '?wait' }),
  refusal('POST', '/v1/groups/target/restart?wait=0', /true, false/, { pointer: '?wait' }),
  refusal('DELETE', '/v1/groups/target?wait=0', /true, false/, { pointer: '?wait' }),
  refusal('POST', '/v1/reload?dryRun=maybe', /true, false/, { pointer: '?dryRun' }),
  refusal('POST', '/v1/reload', /--groups FILE/, { status: 409, code: 'no_groups_file' }),
  ...['GET /v1/groups', 'POST /v1/start', 'POST /v1/stop']
    .map((route) => route.split(' '))
    .flatMap(([method = '', path = '']) =>
      ['nokey', '=value', '', 'a=1&label=nokey'].map((label) =>
        refusal(method, `${path}?label=${label}`, /key=value/, { pointer: '?label' }),
      ),
    ),
  refusal('GET', '/v1/groups?state=nonsense', /registered, .*running/, { pointer: '?state' }),
  refusal('GET', '/v1/groups?state=running&state=stopped', /one of/, { pointer: '?state' }),
];

const strangers = [
  ...['GET /v1/nope', 'POST /nope', 'GET /v1', 'PUT /v1/groups', 'DELETE /v1/groups', 'POST /v1/groups/idle']
    .concat(
      'GET /v1/groups/idle/start',
      'DELETE /v1/start',
      'POST /livez',
      'OPTIONS /v1/groups',
      'GET //v1/groups',
    )
    .map((route) => route.split(' '))
    .map(([method = '', path = '']) =>
      refusal(method, path, /\/openapi\.json/, { status: 404, code: 'route_not_found' }),
    ),
  ...['GET ', 'DELETE ', 'POST /start', 'POST /stop', 'POST /restart', 'PATCH ']
    .map((route) => route.split(' '))
    .map(([method = '', path = '']) =>
      refusal(method, `/v1/groups/nobody${path}`, /"nobody".*GET \/v1\/groups/, {
        body: method === 'PATCH' ? '{"workers":1}' : undefined,
        status: 404,
        code: 'group_not_found',
      }),
    ),
];

const changes = [
  refusal('POST', '/v1/groups', /PUT.*DELETE/, {
    what: 'a different spec under a taken name',
    body: '{"name":"idle","module":"rests.mjs","workers":3}',
    status: 409,
    code: 'group_conflict',
  }),
  refusal('PUT', '/v1/groups/idle', /"idle".*left out/, {
    body: '{"name":"other","module":"rests.mjs"}',
    pointer: '/name',
  }),
  refusal('PATCH', '/v1/groups/idle', /fewer than 1|at least/, { body: '{}', pointer: '' }),
  refusal('PATCH', '/v1/groups/idle', /must be object/, { pointer: '' }),
  refusal('PATCH', '/v1/groups/idle', /remove it/, { body: '{"bogus":1}', pointer: '/bogus' }),
  refusal('PATCH', '/v1/groups/idle', /remove it/, { body: '{"name":"other"}', pointer: '/name' }),
  refusal('PATCH', '/v1/groups/idle', /integer/, { body: '{"workers":"3"}', pointer: '/workers' }),
  refusal('PATCH', '/v1/groups/idle', /at most 8/, { body: '{"workers":9}', pointer: '/workers' }),
  refusal('PATCH', '/v1/groups/idle', /ascending/, { body: '{"buckets":[2,1]}', pointer: '/buckets' }),
];

const refusals = { names, unknownFields, values, bodies, queries, strangers, changes };

/** Bytes that are no HTTP request. */
const raw: { what: string; bytes: string | Buffer; status: number; code: string; says: RegExp }[] = [
  { what: 'noise', bytes: '\0\x01\x02 hello\r\n\r\n' },
  { what: 'a TLS greeting', bytes: Buffer.from('16030100a5010000a10303', 'hex') },
  { what: 'an unknown method', bytes: 'BREW / HTTP/1.1\r\nhost: x\r\n\r\n' },
  { what: 'a version that is none', bytes: 'GET /livez HTTP/3.7\r\nhost: x\r\n\r\n' },
  { what: 'a negative length', bytes: 'POST /v1/groups HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n' },
  {
    what: 'two lengths',
    bytes: 'POST /v1/groups HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n',
  },
].map((request) => ({ ...request, status: 400, code: 'invalid_request', says: /not an HTTP request/ }));
raw.push(
  {
    what: 'no Host header',
    bytes: 'GET /livez HTTP/1.1\r\n\r\n',
    status: 400,
    code: 'invalid_request',
    says: /host/i,
  },
  {
    what: 'headers over 16 KiB',
    bytes: `GET /livez HTTP/1.1\r\nhost: x\r\nx-large: ${'a'.repeat(17_000)}\r\n\r\n`,
    status: 431,
    code: 'headers_too_large',
    says: /16 KiB/,
  },
);

test('bad input', async (t) => {
  const directory = workersDir(t, {
    'rests.mjs': 'export default async (_workerId, ctx) => { await ctx.sleep(3600); };\n',
    'iterates.mjs': ITERATES,
  });
  const service = await startService(t, {
    workersDir: directory,
    flags: ['--max-workers', String(MAX_WORKERS)],
  });
  for (const name of ['idle', 'target', 'busy'])
    await service.register({ name, module: 'rests.mjs', workers: 1, labels: { name } });
  await service.start('busy');
  await until('its first progress to be told', async () =>
    (await service.status('busy')).workers[0].lastProgress !== null ? true : undefined,
  );

  for (const [subject, cases] of Object.entries(refusals)) {
    await t.test(subject, async (t) => {
      for (const refusal of cases) {
        await t.test(refusal.what, async () => {
          const before = await groups(service);
          assertProblem(await send(service, refusal), refusal);
          assert.deepEqual(await groups(service), before, 'a refused request changed the groups');
        });
      }
    });
  }

  await t.test('bytes that are no HTTP request', async (t) => {
    for (const request of raw) {
      await t.test(request.what, async () => {
        const before = await groups(service);
        assertProblem(await sendBytes(service, request.bytes), request);
        assert.deepEqual(await groups(service), before, 'a refused request changed the groups');
      });
    }
  });

  await t.test('every mistake of a request is told at once', async () => {
    const { status, body } = await service.call('POST', '/v1/groups', { name: '.x', workers: '2', bogus: 1 });
    assert.equal(status, 400);
    const pointers = body.errors.map(({ pointer }: { pointer: string }) => pointer);
    assert.deepEqual(pointers.sort(), ['/bogus', '/module', '/name', '/workers']);
    for (const pointer of pointers) assert.match(body.detail, new RegExp(pointer));
  });

  await t.test('params are any JSON and come back as they were', async (t) => {
    const nested = JSON.parse(`${'['.repeat(90)}${']'.repeat(90)}`);
    const samples = [null, true, 0, -1.5e-7, '', 'größe 🎉 \0 \u2028', [], {}, nested].concat(
      { '': [null, { 'a b': false }], 'schlüssel 🔑': '"\\', constructor: 1, hasOwnProperty: null },
      [{ name: 'x', workers: '2', $ref: '#/x' }],
    );
    for (const params of samples) {
      const text = JSON.stringify(params);
      await t.test(text.slice(0, 60), async () => {
        const { status, body } = await service.call('POST', '/v1/groups', spec({ name: 'params', params }));
        assert.equal(status, 201, body.detail);
        assert.equal(JSON.stringify(body.spec.params), text);
        assert.equal(JSON.stringify((await service.status('params')).spec.params), text);
        await service.call('DELETE', '/v1/groups/params');
      });
    }
  });

  await t.test(
    'a label may have any text for its value, and the name of an object’s own for its key',
    async () => {
      const labels = { constructor: 'x', toString: 'größe 🎉', 'a/b.c_d-e': '' };
      const { status, body } = await service.call('POST', '/v1/groups', spec({ name: 'labels', labels }));
      assert.equal(status, 201, body.detail);
      assert.deepEqual(body.spec.labels, labels);
      const query = new URLSearchParams([['label', 'toString=größe 🎉']]);
      const { body: list } = await service.call('GET', `/v1/groups?${query}`);
      assert.deepEqual(list.groups.map(nameOf), ['labels']);
      await service.call('DELETE', '/v1/groups/labels');
    },
  );

  await t.test('repeated labels: all must fit', async (t) => {
    for (const name of ['a', 'b'])
      await service.register({ name, module: 'rests.mjs', labels: { name, kind: 'twin' } });
    const cases = {
      'label=kind=twin': ['a', 'b'],
      'label=name=a&label=kind=twin': ['a'],
      'label=kind=twin&label=kind=twin&label=name=b': ['b'],
      'label=name=a&label=name=b': [],
      'label=name=a&label=none=': [],
    };
    for (const [query, expected] of Object.entries(cases)) {
      await t.test(query, async () => {
        const { body } = await service.call('GET', `/v1/groups?${query}`);
        assert.deepEqual(body.groups.map(nameOf), expected);
      });
    }
  });

  await t.test('the same spec again is no conflict, with its defaults left out or written out', async () => {
    const { spec: whole } = await service.status('idle');
    const short = { name: 'idle', module: 'rests.mjs', workers: 1, labels: { name: 'idle' } };
    for (const again of [whole, short]) {
      const before = await groups(service);
      const { status, body } = await service.call('POST', '/v1/groups', again);
      assert.equal(status, 200, body.detail);
      assert.deepEqual(body.spec, whole);
      assert.deepEqual(await groups(service), before);
    }
  });

  await t.test('a POST without a body works whatever its content type', async (t) => {
    const types = [undefined, JSON_TYPE, 'application/x-www-form-urlencoded', 'text/plain', 'garbage'];
    for (const contentType of types) {
      await t.test(contentType ?? 'none', async () => {
        for (const [command, state] of Object.entries({ start: 'running', stop: 'stopped' })) {
          const path = `/v1/groups/target/${command}`;
          const body = contentType === undefined ? undefined : '';
          const { status, body: answered } = await send(service, { method: 'POST', path, body, contentType });
          assert.equal(status, 200, answered.detail);
          assert.equal((await service.status('target')).state, state);
        }
      });
    }
  });

  await t.test('the service is as healthy as before', async () => {
    assert.equal((await service.call('GET', '/livez')).status, 200);
    assert.equal((await service.call('GET', '/readyz')).status, 200);
    assert.equal((await service.status('busy')).state, 'running');
    await service.register({ name: 'late', module: 'iterates.mjs' });
    await service.start('late');
    await until('group late to iterate', async () =>
      (await service.metric('worker_time_seconds_count{group="late"}')) ? true : undefined,
    );
    const { workers } = await service.status('late');
    assert.equal(workers.length, 2, 'the default number of workers');
    assert.equal((await service.stop('late')).success, true);
    assert.deepEqual(
      service.log.filter(({ level }) => level >= 50),
      [],
      'bad input is no error of the service, and its log must say so',
    );
  });
});

async function send(
  service: Service,
  { method, path, body, contentType }: Pick<Refusal, 'method' | 'path' | 'body' | 'contentType'>,
): Promise<Answer> {
  const type = contentType ?? (body === undefined ? undefined : JSON_TYPE);
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  return answer(
    await fetch(service.url + path, { method, headers, ...(body === undefined ? {} : { body }) }),
  );
}

/** Sends bytes over a connection of their own and reads what comes until the service closes it. */
async function sendBytes(service: Service, bytes: string | Buffer): Promise<Answer> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(10_000, () => socket.destroy(new Error('the service left the connection open')));
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(bytes);
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => [line.split(': ')[0] ?? '', line.replace(/.*?: /, '')]),
  );
  return answer(new Response(body, { status: Number(statusLine.split(' ')[1]), headers }));
}

function assertProblem(given: Answer, expected: Pick<Refusal, 'status' | 'code' | 'says' | 'pointer'>): void {
  const { status, headers, body } = given;
  const shown = JSON.stringify(body).slice(0, 500);
  assert.equal(
    status,
    expected.status,
    `expected ${expected.status} ${expected.code}, not ${status} ${shown}`,
  );
  assert.match(headers.get('content-type') ?? 'none', /^application\/problem\+json/, `the body was ${shown}`);
  assert.equal(body.code, expected.code, shown);
  assert.equal(body.status, status, shown);
  assert.match(body.detail, expected.says);
  if (expected.pointer === undefined) return;
  const pointers = (body.errors ?? []).map(({ pointer }: { pointer: string }) => pointer);
  assert.deepEqual(pointers, [expected.pointer], shown);
}

const nameOf = ({ name }: { name: string }) => name;

/** What GET /v1/groups says, but for what goes up by itself. */
async function groups(service: Service): Promise<unknown[]> {
  const { body } = await service.call('GET', '/v1/groups');
  return body.groups.map(({ host, ...group }: { host: { pid: number } | null }) => ({
    ...group,
    pid: host?.pid,
  }));
}
