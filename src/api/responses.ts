import type { TSchema } from 'typebox';
import { PROBLEMS, type ProblemCode } from '../errors.js';
import { Problem } from '../schemas/problem.js';
import { ref } from '../schemas/ref.js';

/** What any request can meet. */
const ALWAYS = ['invalid_request', 'request_timeout', 'headers_too_large', 'internal'] as const;

/** What any request can meet whose method may have a body, wanted or not. */
export const BODY_PROBLEMS = ['malformed_json', 'body_too_large', 'unsupported_media_type'] as const;

/** The answers of an operation besides the good ones: one problem a status, from the codes that it can give. */
export function problemResponses(...codes: ProblemCode[]): Record<number, TSchema> {
  const titles = new Map<number, Set<string>>();
  for (const code of [...codes, ...ALWAYS]) {
    const { status, title } = PROBLEMS[code];
    titles.set(status, (titles.get(status) ?? new Set()).add(`${title} (\`${code}\`)`));
  }
  return Object.fromEntries(
    [...titles].map(([status, of]) => [
      status,
      { description: [...of].join('; '), content: { 'application/problem+json': { schema: ref(Problem) } } },
    ]),
  );
}

/** A good answer in JSON, with what it means. */
export function jsonResponse<T extends TSchema>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}
