import fc, { type Arbitrary } from 'fast-check';
import type { Document, Operation } from './document.js';
import { type Hints, valuesOf } from './from-schema.js';

/** A request as it goes over the wire. */
export interface FuzzRequest {
  readonly operation: Operation;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

const JSON_TYPE = 'application/json';

/** Values that are of the wrong type, or beyond every bound, for most fields. */
const WRONG: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, 2 ** 53, '', [], {}, [[]], '\u0000', '\ud800', '../x'),
  fc.jsonValue({ maxDepth: 2 }),
);

/** Names of groups that are none, each one segment of a path. */
const WRONG_NAMES = fc.oneof(
  fc.constantFrom('%2e%2e', '%00', '%0d%0aset-cookie:x', '-', '.x', 'a%20b', '%F0%9F%98%80', 'x'.repeat(64)),
  fc.string({ minLength: 1, maxLength: 60 }).map((text) => `-${encodeURIComponent(text)}`),
);

/** Requests of one operation: mostly as the document has them, and otherwise with something wrong. */
export function requestsOf(document: Document, operation: Operation, hints: Hints): Arbitrary<FuzzRequest> {
  return fc
    .record({ target: targets(document, operation, hints), payload: payloads(document, operation, hints) })
    .map(({ target, payload }) => ({ operation, target, ...payload }));
}

function mostly<T>(usual: Arbitrary<T>, ...odd: Arbitrary<T>[]): Arbitrary<T> {
  return fc.oneof({ weight: 4, arbitrary: usual }, ...odd.map((arbitrary) => ({ weight: 1, arbitrary })));
}

function targets(document: Document, { path, parameters = [] }: Operation, hints: Hints): Arbitrary<string> {
  const named = (place: 'path' | 'query') => parameters.filter((parameter) => parameter.in === place);
  const paths = named('path').reduce<Arbitrary<string>>((sofar, { name, schema }) => {
    const usual = (hints[name] ?? valuesOf(document, schema, hints)).map((value) =>
      encodeURIComponent(String(value)),
    );
    return fc
      .tuple(sofar, mostly(usual, WRONG_NAMES))
      .map(([text, value]) => text.replace(`{${name}}`, value));
  }, fc.constant(path));
  const query = fc
    .tuple(
      ...named('query').map(({ name, schema }) =>
        fc.option(
          (hints[name] ?? valuesOf(document, schema, hints)).map((value) =>
            [value].flat().map((one) => `${name}=${encodeURIComponent(wellFormed(String(one)))}`),
          ),
          { nil: [] },
        ),
      ),
    )
    .map((pairs) => pairs.flat().join('&'));
  const odd = fc.constantFrom(
    'nothing=1',
    'label=%ZZ',
    'label=a&label=b&label=',
    'wait=perhaps',
    '=',
    '?&&',
    '__proto__=1',
  );
  return fc
    .tuple(paths, mostly(query, odd))
    .map(([target, text]) => (text === '' ? target : `${target}?${text}`));
}

type Payload = Pick<FuzzRequest, 'headers' | 'body'>;

function payloads(document: Document, operation: Operation, hints: Hints): Arbitrary<Payload> {
  const schema = operation.requestBody?.content[JSON_TYPE]?.schema;
  const none = fc.constant<Payload>({ headers: {}, body: undefined });
  if (operation.method === 'GET') return none;
  if (schema === undefined) return mostly(none, broken(fc.constant({ a: 1 })));
  const usual = valuesOf(document, schema, hints) as Arbitrary<Record<string, unknown>>;
  return fc.oneof(
    { weight: 6, arbitrary: usual.map(asJson) },
    { weight: 3, arbitrary: mutated(usual).map(asJson) },
    { weight: 2, arbitrary: broken(usual) },
    { weight: 1, arbitrary: none },
  );
}

const asJson = (value: unknown): Payload => ({
  headers: { 'content-type': JSON_TYPE },
  body: JSON.stringify(harmless(value)),
});

/** One field more, less, or of another value. */
function mutated(usual: Arbitrary<Record<string, unknown>>): Arbitrary<unknown> {
  return fc
    .tuple(usual, fc.nat(), WRONG, fc.constantFrom('replace', 'remove', 'add'))
    .map(([value, at, wrong, how]) => {
      const keys = Object.keys(value);
      const key = how === 'add' || keys.length === 0 ? `field${at % 10}` : (keys[at % keys.length] ?? '');
      const { [key]: _gone, ...rest } = value;
      return how === 'remove' ? rest : { ...rest, [key]: wrong };
    });
}

/** Bodies that are no JSON of the kind that was asked for, or none at all. */
function broken(usual: Arbitrary<unknown>): Arbitrary<Payload> {
  const json = usual.map((value) => JSON.stringify(harmless(value)));
  const odd = fc.constantFrom(
    '',
    'null',
    '[]',
    '"text"',
    '{',
    '{"__proto__": {"name": "x"}}',
    '\ufeff{}',
    `${'['.repeat(5000)}${']'.repeat(5000)}`,
    `{"params": "${'x'.repeat(1_100_000)}"}`,
  );
  const types = fc.constantFrom(JSON_TYPE, 'text/plain', 'application/x-www-form-urlencoded', 'nonsense', '');
  return fc.oneof(
    json.chain((body) =>
      fc
        .nat({ max: body.length })
        .map((end) => ({ headers: { 'content-type': JSON_TYPE }, body: body.slice(0, end) })),
    ),
    fc.tuple(fc.oneof(json, odd), types).map(([body, type]) => ({ headers: { 'content-type': type }, body })),
  );
}

/** A critical group that fails ends the service, which is right and no subject of this test. */
function harmless(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('critical' in value)) return value;
  return value.critical === true ? { ...value, critical: false } : value;
}

function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/g, '?');
}
