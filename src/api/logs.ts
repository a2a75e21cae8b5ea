import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Coordinator } from '../coordinator/coordinator.js';
import type { GroupLogs } from '../logs/group-logs.js';
import { LogLine } from '../schemas/log-line.js';
import { ref } from '../schemas/ref.js';
import { LOG_LEVELS } from '../schemas/states.js';
import { NameParams } from './groups.js';
import { problemResponses } from './responses.js';
import type { Streams } from './streams/streams.js';

const CONTENT_TYPE = 'application/x-ndjson; charset=utf-8';

/** How many lines there are without `tail`, unless `after` says where to begin. */
const TAIL = 200;

const LogsQuery = Type.Object(
  {
    tail: Type.Optional(
      Type.String({
        pattern: '^([0-9]{1,3}|1000)$',
        description: `The last so many lines that there are, 0 to 1000; ${TAIL} by default, with \`after\` all.`,
      }),
    ),
    follow: Type.Optional(
      Type.Enum(['true', 'false'], {
        description: '`true`: and all that follow, until the group is deleted.',
      }),
    ),
    worker: Type.Optional(
      Type.String({
        pattern: '^[0-9]{1,15}$',
        description:
          'Only the lines of the worker with this id. Ids are unique in the service, so that those of a later group do not begin at 0; the status of the group has them. Of an id that the group does not have there are none.',
      }),
    ),
    level: Type.Optional(
      Type.Enum([...LOG_LEVELS], { description: 'Only lines of this level, and of worse ones.' }),
    ),
    after: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,16}$', description: 'Only lines after the one with this `seq`.' }),
    ),
  },
  { additionalProperties: false },
);

export interface LogOptions {
  readonly coordinator: Coordinator;
  readonly logs: GroupLogs;
  readonly streams: Streams;
}

/** What workers say. */
export const logRoutes: FastifyPluginAsyncTypebox<LogOptions> = async (
  app,
  { coordinator, logs, streams },
) => {
  app.get(
    '/v1/groups/:name/logs',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'readLogs',
        summary: "Read a group's log",
        description:
          'What the workers of the group log and write, what failed, and what the processes that they start write: the last 1,000 lines, of 1 MiB at most, one JSON object a line. With `follow` the answer goes on; a client that reads too slowly misses lines, and is told how many. With `after`, the `seq` of the last line seen, it goes on where it was. A stream needs a connection for itself.',
        tags: ['watch'],
        params: NameParams,
        querystring: LogsQuery,
        response: {
          200: {
            description: 'The lines. Each of them is this.',
            content: { 'application/x-ndjson': { schema: Type.Unsafe<string>(ref(LogLine)) } },
          },
          ...problemResponses('group_not_found', 'too_many_streams'),
        },
      },
    },
    async (request, reply) => {
      const { worker, level, after, tail, follow } = request.query;
      const { name } = coordinator.get(request.params.name);
      const reader = logs.read(name, {
        worker: numberOf(worker),
        level,
        after: numberOf(after),
        tail: numberOf(tail) ?? (after === undefined ? TAIL : undefined),
      });
      if (follow === 'true') {
        streams.open('logs', request, reply, CONTENT_TYPE, reader);
        return reply;
      }
      let text = '';
      for (let piece = reader.next(); typeof piece === 'object'; piece = reader.next()) text += piece.text;
      return reply.header('content-type', CONTENT_TYPE).serializer(String).send(text);
    },
  );
};

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
