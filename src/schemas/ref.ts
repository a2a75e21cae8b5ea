import { type Static, type TSchema, Type } from 'typebox';

/** A reference to a schema that is registered under its `$id`, with the type of what it points to. */
export function ref<T extends TSchema>(schema: T) {
  return Type.Unsafe<Static<T>>({ $ref: `${(schema as { $id?: string }).$id}#` });
}
