import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from 'typebox';
import type { Coordinator } from '../coordinator/coordinator.js';
import { ProblemError } from '../errors.js';
import { jsonResponse, problemResponses } from './responses.js';

const Health = Type.Object({ status: Type.Literal('ok') }, { $id: 'Health', examples: [{ status: 'ok' }] });
const Readiness = Type.Object(
  {
    status: Type.Literal('ok'),
    setAside: Type.Array(
      Type.Object({
        file: Type.String({ description: 'Where it is now, in the state directory.' }),
        reason: Type.String({ description: 'Why it could not be used.' }),
      }),
      { description: 'Files of the state directory that could not be used when the service started.' },
    ),
  },
  {
    $id: 'Readiness',
    examples: [
      {
        status: 'ok',
        setAside: [
          { file: 'groups/train.json.damaged-1', reason: 'it is damaged: its checksum does not fit' },
        ],
      },
    ],
  },
);
const tags = ['health'];

export interface HealthOptions {
  readonly coordinator: Coordinator;
  /** What could not be used of what was kept. */
  readonly setAside: readonly Static<typeof Readiness>['setAside'][number][];
}

/** What supervisors ask. */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthOptions> = async (
  app,
  { coordinator, setAside },
) => {
  app.get(
    '/livez',
    {
      logLevel: 'warn',
      config: { access: 'probe' },
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
      config: { access: 'probe' },
      schema: {
        operationId: 'ready',
        summary: 'Readiness',
        description:
          'Whether the service takes commands. It does so beside files of its state directory that it could not use and has set aside; they are named here.',
        tags,
        response: {
          200: jsonResponse(Readiness, 'Ready.'),
          ...problemResponses('shutting_down'),
        },
      },
    },
    async () => {
      if (coordinator.closing) throw new ProblemError('shutting_down', 'The service is shutting down.');
      return { status: 'ok' as const, setAside: [...setAside] };
    },
  );
};
