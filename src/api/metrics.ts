import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import fp from 'fastify-plugin';
import { Type } from 'typebox';
import type { Metrics } from '../metrics/metrics.js';
import { problemResponses } from './responses.js';
import { isStream } from './streams/streams.js';

/** Measures every request, and serves what Prometheus scrapes. */
const routes: FastifyPluginAsyncTypebox<{ metrics: Metrics }> = async (app, { metrics }) => {
  app.addHook('onResponse', async (request, reply) => {
    if (isStream(reply)) return;
    const route = request.routeOptions.url ?? 'unmatched';
    metrics.observeRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
  });
  app.get(
    '/metrics',
    {
      logLevel: 'warn',
      config: { access: 'scrape' },
      schema: {
        operationId: 'metrics',
        summary: 'Metrics',
        description: 'Everything measured, in the text format of Prometheus.',
        tags: ['health'],
        response: {
          200: {
            description: 'The metrics.',
            content: {
              'text/plain': {
                schema: Type.String({ examples: ['worker_time_seconds_count{group="train"} 1200'] }),
              },
            },
          },
          ...problemResponses(),
        },
      },
    },
    async (_request, reply) => {
      reply.header('content-type', metrics.contentType).serializer(String);
      return metrics.render();
    },
  );
};

// Not in a scope of its own: the hook is for the routes of all plugins.
export const metricsRoutes = fp(routes, { name: 'metrics' });
