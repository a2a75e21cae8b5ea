import type { FieldError } from '../errors.js';
import { LABEL_KEY_RULE, NAME_RULE } from './group-spec.js';

/**
 * How Ajv checks whatever a user hands in, over REST or in a file: nothing is converted, nothing is dropped, defaults
 * are filled in, and every mistake is told. Union types, because a number or null is how a spec says `none`.
 */
export const VALIDATION_RULES = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: true,
  allErrors: true,
  allowUnionTypes: true,
} as const;

/** What Ajv says of one mistake. */
export interface ValidationFailure {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Record<string, unknown>;
}

/** One mistake in words, with a pointer to the field that it is about. */
export function fieldError({ instancePath, message, params, keyword }: ValidationFailure): FieldError {
  const extra = params as {
    additionalProperty?: string;
    allowedValues?: unknown[];
    missingProperty?: string;
  };
  const field = extra.additionalProperty ?? extra.missingProperty;
  const pointer = field === undefined ? instancePath : `${instancePath}/${escapeSegment(field)}`;
  if (extra.missingProperty !== undefined) return { pointer, detail: 'is required' };
  if (extra.additionalProperty !== undefined) {
    // The one place where the key itself has a form.
    return {
      pointer,
      detail: instancePath === '/labels' ? LABEL_KEY_RULE : 'is not known here: remove it, or mend its name',
    };
  }
  if (keyword === 'enum')
    return { pointer, detail: `must be one of ${(extra.allowedValues ?? []).join(', ')}` };
  if (keyword === 'pattern' && instancePath === '/name') return { pointer, detail: NAME_RULE };
  if (keyword === 'pattern' && instancePath === '/group') return { pointer, detail: NAME_RULE };
  if (keyword === 'pattern' && instancePath === '/tail') return { pointer, detail: 'must be 0 to 1000' };
  if (keyword === 'pattern' && (instancePath === '/worker' || instancePath === '/after'))
    return { pointer, detail: 'must be a whole number' };
  if (keyword === 'type' && message !== undefined)
    return { pointer, detail: message.replaceAll(',', ' or ') };
  if (keyword === 'minProperties') return { pointer, detail: 'must name at least one field to change' };
  return { pointer, detail: message ?? 'is not valid' };
}

/** A key as a segment of a JSON pointer. */
export function escapeSegment(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
