import type { Problem } from '../../schemas/problem.js';

/** What the form asks for, as it was typed. */
export interface RegistrationForm {
  readonly name: string;
  readonly module: string;
  readonly workers: string;
  /** JSON of `params`; empty: none. */
  readonly params: string;
  /** An object in JSON with further fields of the spec; empty: none. */
  readonly more: string;
}
export type FormField = keyof RegistrationForm;
export const FORM_FIELDS: readonly FormField[] = ['name', 'module', 'workers', 'params', 'more'];

/** What is wrong, by the field that it is said at; `whole`: it is of no field. */
export type FormErrors = Partial<Record<FormField | 'whole', string>>;

/** The body to send, or what cannot even be sent. Everything else is for the service to judge. */
export function bodyOf(form: RegistrationForm): { body: Record<string, unknown> } | { errors: FormErrors } {
  const errors: FormErrors = {};
  const more = jsonOf(form.more, 'more', errors) ?? {};
  const params = jsonOf(form.params, 'params', errors);
  if (typeof more !== 'object' || more === null || Array.isArray(more))
    errors.more = 'must be an object in JSON, such as {"stopGraceSeconds": 10}';
  if (Object.keys(errors).length > 0) return { errors };
  const { name, module } = form;
  const workers = form.workers.trim() === '' ? undefined : Number(form.workers);
  return {
    body: {
      ...(more as object),
      ...(name.trim() !== '' && { name: name.trim() }),
      ...(module.trim() !== '' && { module: module.trim() }),
      // What is no number stays as it was typed: the service says what is wrong with it.
      ...(workers !== undefined && { workers: Number.isNaN(workers) ? form.workers : workers }),
      ...(params !== undefined && { params }),
    },
  };
}

const FIELD_OF_CODE: Readonly<Record<string, FormField>> = {
  group_conflict: 'name',
  module_not_allowed: 'module',
  module_not_found: 'module',
  module_unsupported: 'module',
};

/** Says what the service has against it at the fields that it concerns. */
export function errorsOf({ code, detail, errors = [] }: Problem): FormErrors {
  const found: FormErrors = {};
  for (const { pointer, detail } of errors) {
    const [first = ''] = pointer.replace(/^\//, '').split('/');
    const field = isField(first) ? first : pointer === '' ? 'whole' : 'more';
    // In a field that is JSON it has to be said where.
    const text = pointer === `/${field}` || field === 'whole' ? detail : `${pointer} ${detail}`;
    found[field] = found[field] === undefined ? text : `${found[field]}; ${text}`;
  }
  if (errors.length > 0) return found;
  return { [FIELD_OF_CODE[code] ?? 'whole']: detail };
}

/** The same in one sentence, for where there are no fields. */
export function inWords(errors: FormErrors): string {
  return Object.entries(errors)
    .map(([field, text]) => (field === 'whole' ? text : `${field} ${text}`))
    .join('; ');
}

function isField(name: string): name is FormField {
  return name !== 'more' && FORM_FIELDS.some((field) => field === name);
}

function jsonOf(text: string, field: FormField, errors: FormErrors): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    errors[field] = `is not JSON: ${(error as Error).message}`;
    return undefined;
  }
}
