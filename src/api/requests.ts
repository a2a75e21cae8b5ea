import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import { type FieldError, ProblemError } from '../errors.js';
import { escapeSegment } from '../schemas/validation.js';

export const BODY_LIMIT_BYTES = 1024 * 1024;

/** Deeper JSON than this is refused: writing it out again would overflow the stack. */
const MAX_DEPTH = 100;

const NoQuery = Type.Object({}, { additionalProperties: false });

/**
 * How requests are read, and answers written. An empty body is no body, whatever its content type, so that
 * `curl -X POST` works with any; everything else has to be JSON. What a call does not know, it refuses.
 */
export const requests = fp(
  async (app: FastifyInstance) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      'application/json',
      { parseAs: 'string' },
      async (_request: FastifyRequest, body: string) => (body.length === 0 ? undefined : parse(body)),
    );
    app.addContentTypeParser('*', { parseAs: 'string' }, async (request: FastifyRequest, body: string) => {
      if (body.length > 0) throw unsupported(request.headers['content-type']);
      return undefined;
    });

    app.addHook('onRoute', (route: RouteOptions) => {
      if (route.url.startsWith('/v1/')) route.schema = { querystring: NoQuery, ...route.schema };
    });
    app.addHook('onRequest', async ({ headers, raw }, reply) => {
      if (headers.host === undefined && raw.httpVersion === '1.1') {
        reply.header('connection', 'close');
        throw new ProblemError('invalid_request', 'The request has no Host header, which HTTP/1.1 demands.');
      }
      const empty =
        headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
      if (empty) delete headers['content-type'];
    });
    app.addHook('preValidation', async (request) => {
      const { body } = request;
      if (body === undefined || request.routeOptions.schema?.body !== undefined) return;
      if (typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0)
        return;
      throw new ProblemError('invalid_request', `${request.method} ${request.url} takes no body: remove it.`);
    });

    // On a terminal the prompt belongs on a line of its own.
    app.addHook('onSend', async (_request, reply, payload) => {
      const json = typeof payload === 'string' && String(reply.getHeader('content-type')).includes('json');
      return json && payload !== '' && !payload.endsWith('\n') ? `${payload}\n` : payload;
    });
  },
  { name: 'requests' },
);

export function unsupported(contentType: string | undefined): ProblemError {
  const kind = contentType === undefined ? 'of no declared type' : `"${contentType}"`;
  const detail = `The body is ${kind}; send JSON, with the header "content-type: application/json".`;
  return new ProblemError('unsupported_media_type', detail);
}

function parse(body: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    throw new ProblemError('malformed_json', `The body cannot be read as JSON: ${(error as Error).message}`);
  }
  const mistake = tidy(value);
  if (mistake === undefined) return value;
  const { pointer, detail } = mistake;
  if (pointer === '') throw new ProblemError('invalid_request', `The body ${detail}.`);
  throw new ProblemError('invalid_request', `${pointer} ${detail}`, { errors: [mistake] });
}

/**
 * Finds what is wrong with a value that is JSON by its grammar, and makes 0 of -0, which a file would not keep. Level by
 * level, so that no nesting overflows the stack.
 */
function tidy(value: unknown): FieldError | undefined {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return { pointer: '', detail: `is nested more than ${MAX_DEPTH} levels deep` };
    if (level.some(isTooLarge)) {
      const pointer = pointerTo(value, isTooLarge) ?? '';
      return { pointer, detail: 'is a number that is too large: a 64-bit float cannot hold it' };
    }
    const objects = level.filter((item): item is object => typeof item === 'object' && item !== null);
    if (objects.some(isPoisoned))
      return { pointer: '', detail: 'has a key "__proto__" or "constructor.prototype": rename it' };
    for (const object of objects) {
      for (const [key, item] of Object.entries(object))
        if (Object.is(item, -0)) (object as Record<string, unknown>)[key] = 0;
    }
    level = objects.flatMap((item) => Object.values(item));
  }
  return undefined;
}

function isTooLarge(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

/** The pointer to the first value that is meant, in what is not nested too deeply. */
function pointerTo(value: unknown, isMeant: (value: unknown) => boolean, pointer = ''): string | undefined {
  if (isMeant(value)) return pointer;
  if (typeof value !== 'object' || value === null || pointer.split('/').length > MAX_DEPTH + 1)
    return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = pointerTo(item, isMeant, `${pointer}/${escapeSegment(key)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Harmless here, and a trap for whoever merges such an object into another. */
function isPoisoned(object: object): boolean {
  if (Object.hasOwn(object, '__proto__')) return true;
  if (!Object.hasOwn(object, 'constructor')) return false;
  const own: unknown = object.constructor;
  return typeof own === 'object' && own !== null && Object.hasOwn(own, 'prototype');
}

/** Values stay the strings that they are; a parameter given several times is an array. */
export function parseQuery(text: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [key, value] of new URLSearchParams(text)) {
    const before = query[key];
    query[key] = before === undefined ? value : [before, value].flat();
  }
  return query;
}
