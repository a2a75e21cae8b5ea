import fp from 'fastify-plugin';
import { ProblemError } from '../errors.js';

/** Deeper JSON than this is refused: writing it out again would overflow the stack. */
const MAX_DEPTH = 100;

/**
 * How bodies are read and written. An empty one is no body, whatever its content type, so that `curl -X POST` works with any;
 * everything else has to be JSON.
 */
export const bodies = fp(
  async (app) => {
    const parseJson = app.getDefaultJsonParser('error', 'error');
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
      if (body.length === 0) return done(null, undefined);
      parseJson(request, body as string, (error, value) => {
        if (error === null && depthExceeds(value, MAX_DEPTH)) {
          return done(
            new ProblemError('invalid_request', `The body is nested more than ${MAX_DEPTH} levels deep.`),
          );
        }
        return done(error, value);
      });
    });
    app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
      if (body.length === 0) return done(null, undefined);
      const detail = `The body is ${request.headers['content-type']}; send JSON with the header "content-type: application/json".`;
      return done(new ProblemError('unsupported_media_type', detail));
    });
    // On a terminal the prompt belongs on a line of its own.
    app.addHook('onSend', async (_request, reply, payload) => {
      const json = typeof payload === 'string' && String(reply.getHeader('content-type')).includes('json');
      return json ? `${payload}\n` : payload;
    });
    app.addHook('preValidation', async (request) => {
      const { body } = request;
      if (body === undefined || request.routeOptions.schema?.body !== undefined) return;
      if (typeof body === 'object' && body !== null && Object.keys(body).length === 0) return;
      throw new ProblemError('invalid_request', `${request.method} ${request.url} takes no body: remove it.`);
    });
  },
  { name: 'bodies' },
);

function depthExceeds(value: unknown, limit: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > limit) return true;
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []));
  }
  return false;
}
