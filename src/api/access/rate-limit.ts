import limiter, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { ProblemError } from '../../errors.js';
import { isLocal } from './local-connections.js';
import { isAlwaysAnswered } from './route-access.js';

const WINDOW_MS = 1000;

export interface RateLimitOptions {
  /** Requests a second that one address (of IPv6: one /64) may make, in a burst or evenly; 0: as many as it likes. */
  readonly rateLimit?: number | undefined;
}

/** Bounds what one client may take. Before tokens are looked at: that is how fast one can guess them. */
export const rateLimit = fp(
  async (app, { rateLimit: perSecond = 0 }: RateLimitOptions) => {
    if (perSecond === 0) return;
    const silent = { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false };
    await app.register(limiter, {
      global: false,
      max: perSecond,
      timeWindow: WINDOW_MS,
      keyGenerator: clientOf,
      addHeadersOnExceeding: silent,
      addHeaders: { ...silent, 'retry-after': true },
      errorResponseBuilder: () =>
        new ProblemError(
          'rate_limited',
          `More than ${perSecond} requests a second came from your address (PW_RATE_LIMIT): send fewer, and this one again after the seconds in Retry-After.`,
        ),
    });
    const limit = app.rateLimit();
    // A hook of the whole app: those of routes come after the check of the token, and leave unknown paths out.
    app.addHook('onRequest', async (request, reply) => {
      if (isAlwaysAnswered(request) || request.routeOptions.config.unlimited === true) return;
      await limit.call(app, request, reply);
    });
  },
  { name: 'rate-limit' },
);

/** All who come over the Unix socket are one client. */
function clientOf({ ip, raw }: FastifyRequest): string {
  return isLocal(raw.socket) ? 'unix' : normalizeIP(ip ?? '');
}
