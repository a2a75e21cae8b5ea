import type { RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import type { ProblemCode } from '../../errors.js';
import { withProblems } from '../responses.js';
import type { RouteAccess } from './route-access.js';

const REFUSALS: Record<RouteAccess, readonly ProblemCode[]> = {
  probe: ['origin_not_allowed'],
  scrape: ['host_not_allowed', 'origin_not_allowed'],
  page: ['host_not_allowed', 'origin_not_allowed', 'rate_limited', 'overloaded'],
  api: ['host_not_allowed', 'origin_not_allowed', 'rate_limited', 'overloaded', 'unauthorized'],
};

/** Writes into the description of every route how it can be refused: what a route need not say, it cannot forget. */
export const documentedProblems = fp(
  async (app) => {
    app.addHook('onRoute', (route: RouteOptions) => {
      const { schema, method, config } = route;
      if (schema === undefined || schema.hide === true || method === 'HEAD') return;
      const access = config?.access ?? 'api';
      const codes: ProblemCode[] = [...REFUSALS[access]];
      if (access === 'api' && method !== 'GET') codes.push('read_only_token');
      route.schema = {
        ...schema,
        ...(access !== 'api' && { security: [] }),
        response: withProblems(schema.response, codes),
      };
    });
  },
  { name: 'documented-problems' },
);
