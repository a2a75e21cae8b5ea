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
  return withProblems({}, [...new Set([...codes, ...ALWAYS])]);
}

interface Response extends TSchema {
  description?: string;
  content?: Record<string, { schema: TSchema }>;
}

/** The same answers and these problems: of one status they share the description. */
export function withProblems(responses: unknown, codes: readonly ProblemCode[]): Record<number, TSchema> {
  const all: Record<number, Response> = { ...(responses as Record<number, Response> | undefined) };
  for (const code of codes) {
    const { status, title } = PROBLEMS[code];
    const told = [all[status]?.description, `${title} (\`${code}\`)`].filter((text) => text !== undefined);
    const content = { 'application/problem+json': { schema: ref(Problem) } };
    all[status] = { description: told.join('; '), content };
  }
  return all;
}

/** A good answer in JSON, with what it means. */
export function jsonResponse<T extends TSchema>(schema: T, description: string) {
  return { description, content: { 'application/json': { schema } } };
}
