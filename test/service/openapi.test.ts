import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type {} from '@fastify/swagger';
import { type App, buildApp } from '#dist/app.js';
import { PROBLEMS } from '#dist/errors.js';
import { MODULES, ROOT } from '../support/service.js';

interface Media {
  schema?: { $ref?: string; examples?: unknown[]; format?: string };
}
interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description?: string; content?: Record<string, Media> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}

/** What is answered where there is no operation. */
const NO_OPERATION = ['route_not_found'];

const FILE = `${ROOT}openapi/openapi.json`;

async function build(t: TestContext): Promise<App> {
  const app = await buildApp({ workersDir: MODULES, maxWorkers: 1, maxGroups: 1 });
  t.after(() => app.server.close());
  return app;
}

/** What the built app generates, as it is written to the file. */
async function generated(t: TestContext): Promise<{ text: string; document: Document }> {
  const { server } = await build(t);
  const text = `${JSON.stringify(server.swagger(), null, 2)}\n`;
  return { text, document: JSON.parse(text) as Document };
}

function operations({ paths }: Document): { name: string; operation: Operation }[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
}

/** Method and path of every route, from the tree that the router prints. */
function routes(tree: string): string[] {
  const parents: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', path = '', methods = ''] = /^([│ ]*)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
    if (path === '') return [];
    const depth = indent.length / 4;
    const whole = (parents[depth - 1] ?? '') + path;
    parents[depth] = whole;
    return methods.split(', ').map((method) => `${method} ${whole}`);
  });
}

/** Every `$ref` in a value. */
function references(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = '$ref' in value && typeof value.$ref === 'string' ? [value.$ref] : [];
  return [...own, ...Object.values(value).flatMap(references)];
}

/** What a `$ref` of the document points to; undefined when there is nothing. */
function resolve(document: Document, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined;
  const keys = reference
    .slice(2)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  return keys.reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | undefined)?.[key],
    document,
  );
}

test('openapi/openapi.json is what the app generates', async (t) => {
  const { text } = await generated(t);
  assert.ok(
    readFileSync(FILE, 'utf8') === text,
    'openapi/openapi.json is stale: run `npm run openapi` and commit it',
  );
});

test('every route is in the document', async (t) => {
  const { server } = await build(t);
  const { document } = await generated(t);
  const tree = server.printRoutes({ commonPrefix: false });
  const hidden = (route: string) =>
    / \/((docs|assets|openapi\.json)\b|$)/.test(route) ||
    route.startsWith('HEAD ') ||
    route.startsWith('OPTIONS ');
  const served = routes(tree).filter((route) => !hidden(route));
  assert.ok(
    served.includes('POST /v1/groups/:name/start'),
    `the router prints its routes in another way:\n${tree}`,
  );
  const described = operations(document).map(({ name }) => name.replaceAll(/\{(\w+)\}/g, ':$1'));
  assert.deepEqual(served.sort(), described.sort());
});

test('every operation says what it does and how it can end', async (t) => {
  const { document } = await generated(t);
  assert.match(document.openapi, /^3\.1\./);
  const ids = operations(document).map(({ operation }) => operation.operationId);
  assert.deepEqual([...new Set(ids)], ids, 'every operation has an id of its own');
  for (const { name, operation } of operations(document)) {
    await t.test(name, () => {
      assert.match(operation.operationId ?? '', /^[a-z][A-Za-z]+$/);
      assert.ok(operation.summary, 'it has no summary');
      assert.ok(operation.description, 'it has no description');
      const statuses = Object.keys(operation.responses);
      const statusList = `its responses are ${statuses}`;
      assert.ok(
        statuses.some((status) => status.startsWith('2')),
        statusList,
      );
      assert.ok(
        statuses.some((status) => status.startsWith('4')),
        statusList,
      );
      for (const [status, { description, content = {} }] of Object.entries(operation.responses)) {
        assert.ok(description, `${status} has no description`);
        const types = Object.keys(content);
        if (Number(status) >= 400) assert.deepEqual(types, ['application/problem+json'], `of ${status}`);
        else if (status === '204') assert.deepEqual(types, []);
        // What a worker has put can be of any type.
        else if (!types.includes('application/octet-stream'))
          assert.equal(types.length, 1, `${status} has the types ${types}`);
      }
    });
  }
});

test('every body that is sent or answered has an example', async (t) => {
  const { document } = await generated(t);
  for (const { name, operation } of operations(document)) {
    const bodies = [operation.requestBody, ...Object.values(operation.responses)];
    for (const media of bodies.flatMap((body) => Object.values(body?.content ?? {}))) {
      const schema = (
        media.schema?.$ref ? resolve(document, media.schema.$ref) : media.schema
      ) as Media['schema'];
      if (schema?.format === 'binary') continue;
      assert.ok(schema?.examples?.length, `${name}: no example of ${JSON.stringify(media.schema)}`);
    }
  }
});

test('every reference resolves, and every component has a name', async (t) => {
  const { document } = await generated(t);
  const found = references(document);
  assert.ok(found.length > 0);
  for (const reference of found) assert.ok(resolve(document, reference), `${reference} points to nothing`);
  const names = Object.keys(document.components.schemas);
  assert.deepEqual(
    names.filter((name) => !/^[A-Z][A-Za-z]+$/.test(name)),
    [],
    'components without a proper name',
  );
  const used = new Set(found);
  assert.deepEqual(
    names.filter((name) => !used.has(`#/components/schemas/${name}`)),
    [],
    'components that nothing uses',
  );
});

test('GET /openapi.json serves the document, /docs shows it', async (t) => {
  const { server } = await build(t);
  const { document } = await generated(t);
  const served = await server.inject('/openapi.json');
  assert.equal(served.statusCode, 200);
  assert.match(String(served.headers['content-type']), /^application\/json/);
  assert.deepEqual(served.json(), document);
  const page = await server.inject('/docs');
  assert.equal(page.statusCode, 200);
  assert.match(String(page.headers['content-type']), /^text\/html/);
  assert.match(page.body, /swagger-ui/);
});

test('every code of the catalogue is in the document', async (t) => {
  const { document } = await generated(t);
  const codes = Object.keys(PROBLEMS);
  assert.deepEqual([...new Set(codes)], codes);
  const titles = Object.values(PROBLEMS).map(({ title }) => title);
  assert.deepEqual([...new Set(titles)], titles, 'two kinds of problem with one title');
  const { Problem } = document.components.schemas as {
    Problem: { properties: { code: { enum: string[] } } };
  };
  assert.deepEqual([...Problem.properties.code.enum].sort(), [...codes].sort());

  for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
    await t.test(code, () => {
      assert.match(code, /^[a-z]+(_[a-z]+)*$/);
      const named = operations(document).filter(({ operation }) =>
        operation.responses[status]?.description?.includes(`${title} (\`${code}\`)`),
      );
      if (NO_OPERATION.includes(code)) assert.deepEqual(named, [], 'it is of no operation');
      else assert.ok(named.length > 0, `no operation names ${code} in the description of its ${status}`);
    });
  }
});
