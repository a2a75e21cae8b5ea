import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import fp from 'fastify-plugin';
import { ProblemError } from '../../errors.js';
import { countHeader } from './request-shape.js';
import { accessOf } from './route-access.js';

export interface TokenOptions {
  /** Whoever sends it may do everything. Without it nobody is asked for anything. */
  readonly token?: string | undefined;
  /** Whoever sends it may look, with GET and HEAD. Only beside `token`. */
  readonly readToken?: string | undefined;
}

/** Asks for a bearer token (RFC 6750) on every route of the API, and on paths that do not exist. */
export const tokens = fp(
  async (app, { token, readToken }: TokenOptions) => {
    if (token === undefined) {
      if (readToken === undefined) return;
      throw new Error('a read-only token needs a token beside it: without, everybody may do everything');
    }
    if (token === readToken) throw new Error('the read-only token must not be the token itself');
    const mayAll = digest(Buffer.from(token));
    const mayRead = readToken === undefined ? undefined : digest(Buffer.from(readToken));

    app.addHook('onRequest', async (request, reply) => {
      if (accessOf(request) !== 'api') return;
      const sent = sentToken(request.raw);
      // Digests have one length, and comparing them takes one time.
      const given = sent === undefined ? undefined : digest(Buffer.from(sent, 'latin1'));
      if (given !== undefined && timingSafeEqual(given, mayAll)) return;
      if (given !== undefined && mayRead !== undefined && timingSafeEqual(given, mayRead)) {
        if (request.method === 'GET' || request.method === 'HEAD') return;
        reply.header('www-authenticate', 'Bearer error="insufficient_scope"');
        const detail = `The token sent is the read-only one (PW_READ_TOKEN), and ${request.method} changes something: send PW_TOKEN.`;
        throw new ProblemError('read_only_token', detail);
      }
      reply.header('www-authenticate', given === undefined ? 'Bearer' : 'Bearer error="invalid_token"');
      const what =
        given === undefined ? 'A token is needed' : 'The token sent is not the one of this service';
      const detail = `${what}: send one header "authorization: Bearer TOKEN" with the value of PW_TOKEN.`;
      throw new ProblemError('unauthorized', detail);
    });
  },
  { name: 'tokens' },
);

/** The one token of the request. Of two headers Node shows only the first: whoever sends two may mean either. */
function sentToken({ headers, rawHeaders }: IncomingMessage): string | undefined {
  if (countHeader(rawHeaders, 'authorization') !== 1) return undefined;
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}

function digest(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
