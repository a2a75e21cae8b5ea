import fp from 'fastify-plugin';
import { boundConnections } from '../../connections.js';
import { documentedProblems } from './documented-problems.js';
import { type HostOptions, hosts } from './hosts.js';
import { noteLocalConnections } from './local-connections.js';
import { origins } from './origins.js';
import { type PressureOptions, pressure } from './pressure.js';
import { type RateLimitOptions, rateLimit } from './rate-limit.js';
import { requestShape } from './request-shape.js';
import { securityHeaders } from './security-headers.js';
import { type TokenOptions, tokens } from './tokens.js';

/** Who may call the service, and how much of it they may take. */
export interface AccessOptions extends TokenOptions, HostOptions, RateLimitOptions, PressureOptions {
  /** For tests; by default in proportion to the descriptors that the process may have. */
  readonly maxConnections?: number | undefined;
}

/**
 * Everything that a request has to pass before its route, in this order: whoever is turned away by one has cost the
 * next nothing, and what a page of somebody else sends does not count against the rate of this machine's own.
 * Registered before the routes.
 */
export const access = fp(
  async (app, options: AccessOptions & { readonly maxConnections: number }) => {
    noteLocalConnections(app.server);
    boundConnections(app.server, options.maxConnections);
    await app.register(documentedProblems);
    await app.register(securityHeaders);
    await app.register(requestShape);
    await app.register(hosts, options);
    await app.register(origins);
    await app.register(rateLimit, options);
    await app.register(pressure, options);
    await app.register(tokens, options);
  },
  { name: 'access', dependencies: ['problems', 'requests'] },
);
