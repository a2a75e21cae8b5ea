import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Metrics } from '../metrics/metrics.js';
import { problemResponses } from './responses.js';

/** What Prometheus scrapes. */
export const metricsRoutes: FastifyPluginAsyncTypebox<{ metrics: Metrics }> = async (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      logLevel: 'warn',
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
