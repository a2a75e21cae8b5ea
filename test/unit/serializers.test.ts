import assert from 'node:assert/strict';
import test from 'node:test';
import { sharedSerializers } from '#dist/api/serializers.js';

const shared = (type: string) => ({ Thing: { $id: 'Thing', type: 'object', properties: { a: { type } } } });
const route = (schema: object) => ({ method: 'GET', url: '/', httpStatus: '200', schema });

test('a serializer is built once for all answers of a schema, and anew for another', () => {
  const build = sharedSerializers();
  const compile = build(shared('integer'), {});
  const thing = compile(route({ $ref: 'Thing#' }));
  assert.equal(thing({ a: 1.5, b: 2 }), '{"a":1}');
  assert.equal(compile(route({ $ref: 'Thing#' })), thing);
  assert.equal(build(shared('integer'), {})(route({ $ref: 'Thing#' })), thing, 'in another scope of routes');

  const all = compile(route({ type: 'array', items: { $ref: 'Thing#' } }));
  assert.equal(all([{ a: 1.5 }]), '[{"a":1}]');
  const other = build(shared('string'), {})(route({ $ref: 'Thing#' }));
  assert.equal(other({ a: 1.5 }), '{"a":"1.5"}', 'the same reference to another schema');
});

test('an answer that is a shared schema takes it from nobody who refers to it', () => {
  const schemas = shared('integer');
  const compile = sharedSerializers()(schemas, {});
  assert.equal(compile(route(schemas.Thing))({ a: 1.5 }), '{"a":1}');
  assert.equal(compile(route({ $ref: 'Thing#' }))({ a: 1.5 }), '{"a":1}');
});
