import { type Static, type TSchema, Type } from 'typebox';

/** A number, or null for none. */
export function nullable(type: 'number' | 'integer', options: Record<string, unknown>) {
  return Type.Unsafe<number | null>({ type: [type, 'null'], default: null, ...options });
}

/**
 * An object whose fields, but for those named, may be left out: validation fills them in, so what comes out is whole.
 */
export function filledIn<T extends Record<string, TSchema>>(
  properties: T,
  options: Record<string, unknown>,
  required: readonly (keyof T & string)[] = [],
) {
  const whole = Type.Object(properties);
  const object = Type.Object(optional(properties), { additionalProperties: false, ...options });
  return Type.Unsafe<Static<typeof whole>>({ ...object, ...(required.length > 0 && { required }) });
}

/** The same properties, each of which may be left out. */
export function optional<T extends Record<string, TSchema>>(properties: T) {
  return Type.Partial(Type.Object(properties)).properties;
}
