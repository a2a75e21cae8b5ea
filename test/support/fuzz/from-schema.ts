import fc, { type Arbitrary } from 'fast-check';
import type { Document, Schema } from './document.js';

/** Values for fields of these names, so that calls can succeed and meet each other. */
export type Hints = Readonly<Record<string, Arbitrary<unknown>>>;

/** Values that a schema allows. */
export function valuesOf(document: Document, schema: Schema, hints: Hints): Arbitrary<unknown> {
  const given = document.resolve(schema);
  if (given.enum !== undefined) return fc.constantFrom(...given.enum);
  if (given.anyOf !== undefined) return fc.oneof(...given.anyOf.map((one) => valuesOf(document, one, hints)));
  const types = [given.type ?? 'any'].flat();
  return fc.oneof(...types.map((type) => ofType(document, type, given, hints)));
}

function ofType(document: Document, type: string, schema: Schema, hints: Hints): Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({
        min: schema.minimum ?? -1000,
        max: Math.min(schema.maximum ?? 1000, Number.MAX_SAFE_INTEGER),
      });
    case 'number':
      return fc.double({
        min: schema.minimum ?? schema.exclusiveMinimum ?? -1000,
        max: schema.maximum ?? 1000,
        noNaN: true,
      });
    case 'string':
      return stringsOf(schema);
    case 'array': {
      const items = valuesOf(document, schema.items ?? {}, hints);
      const bounds = { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 4, 4) };
      return schema.uniqueItems === true ? fc.uniqueArray(items, bounds) : fc.array(items, bounds);
    }
    case 'object':
      return objectsOf(document, schema, hints);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function stringsOf(schema: Schema): Arbitrary<string> {
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern));
  return fc.string({
    minLength: schema.minLength ?? 0,
    maxLength: Math.min(schema.maxLength ?? 40, 40),
    unit: 'binary',
  });
}

/** Objects with the required properties, and some of the others: rarely many, or nothing would fit together. */
function objectsOf(document: Document, schema: Schema, hints: Hints): Arbitrary<unknown> {
  const { properties, additionalProperties } = schema;
  if (properties === undefined) {
    const values = typeof additionalProperties === 'object' ? additionalProperties : {};
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), valuesOf(document, values, hints), {
      maxKeys: 3,
    });
  }
  const required = schema.required ?? [];
  const optional = Object.keys(properties).filter((name) => !required.includes(name));
  const value = (name: string) => hints[name] ?? valuesOf(document, properties[name] ?? {}, hints);
  return fc
    .subarray(optional, { maxLength: Math.min(optional.length, 5) })
    .chain((chosen) =>
      fc.record(Object.fromEntries([...required, ...chosen].map((name) => [name, value(name)]))),
    );
}
