import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Coordinator } from '../coordinator/coordinator.js';
import { ProblemError } from '../errors.js';
import { jsonResponse, problemResponses } from './responses.js';

const Health = Type.Object({ status: Type.Literal('ok') }, { $id: 'Health', examples: [{ status: 'ok' }] });
const tags = ['health'];

/** What supervisors ask. */
export const healthRoutes: FastifyPluginAsyncTypebox<{ coordinator: Coordinator }> = async (
  app,
  { coordinator },
) => {
  app.get(
    '/livez',
    {
      logLevel: 'warn',
      schema: {
        operationId: 'live',
        summary: 'Liveness',
        description: 'Answers as long as the service can answer at all.',
        tags,
        response: { 200: jsonResponse(Health, 'Alive.'), ...problemResponses() },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      logLevel: 'warn',
      schema: {
        operationId: 'ready',
        summary: 'Readiness',
        description: 'Whether the service takes commands.',
        tags,
        response: {
          200: jsonResponse(Health, 'Ready.'),
          ...problemResponses('shutting_down'),
        },
      },
    },
    async () => {
      if (coordinator.closing) throw new ProblemError('shutting_down', 'The service is shutting down.');
      return { status: 'ok' as const };
    },
  );
};
