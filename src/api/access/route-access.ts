import type { FastifyRequest } from 'fastify';

/**
 * Who may call a route, as its `config.access` says:
 *
 * - `probe`: supervisors, under whatever name and load, without a token. Nothing of it may be worth hiding.
 * - `scrape`: Prometheus, whatever the load, without a token.
 * - `page`: what a browser opens by itself, and for which it cannot send a token: code and documents, no data.
 * - `api`: everything else, unknown paths included. A token is asked for if there is one.
 */
export type RouteAccess = 'probe' | 'scrape' | 'page' | 'api';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** `api` if left out: a route that says nothing is guarded. */
    access?: RouteAccess;
    /** Calls of this route do not count for the rate limit: for what a good client calls as fast as it can. */
    unlimited?: boolean;
  }
}

/** Who may call the route of this request. */
export function accessOf(request: FastifyRequest): RouteAccess {
  return request.routeOptions.config.access ?? 'api';
}

/** Whether the route answers whatever the load: who asks wants to know how the service is. */
export function isAlwaysAnswered(request: FastifyRequest): boolean {
  const access = accessOf(request);
  return access === 'probe' || access === 'scrape';
}
