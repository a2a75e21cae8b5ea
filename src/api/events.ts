import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { EventJournal } from '../events/event-journal.js';
import { GroupName } from '../schemas/group-spec.js';
import { ref } from '../schemas/ref.js';
import { ServiceEvent } from '../schemas/service-event.js';
import { problemResponses } from './responses.js';
import type { Streams } from './streams/streams.js';

/** Proxies end connections on which nothing comes for a minute, some after half of one. */
export const HEARTBEAT_MS = 15_000;

const EventsQuery = Type.Object(
  {
    group: Type.Optional(GroupName),
    lastEventId: Type.Optional(
      Type.String({ maxLength: 64, description: 'As the header `Last-Event-ID`, which wins over it.' }),
    ),
    tail: Type.Optional(
      Type.String({
        pattern: '^([0-9]{1,3}|1000)$',
        description:
          'So many events that have happened already, 0 to 1000, come before the snapshot; 0 by default.',
      }),
    ),
  },
  { additionalProperties: false },
);

const LastEventId = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ description: 'Id of the last event that was seen: browsers send it by themselves.' }),
  ),
});

export interface EventOptions {
  readonly journal: EventJournal;
  readonly streams: Streams;
  readonly heartbeatMs: number;
}

/** What happens, as it happens. */
export const eventRoutes: FastifyPluginAsyncTypebox<EventOptions> = async (
  app,
  { journal, streams, heartbeatMs },
) => {
  app.get(
    '/v1/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'watchEvents',
        summary: 'Watch what happens',
        description:
          'Server-sent events: a `snapshot` first, then everything that happens, each with an id. With the id of the last event seen, what has happened since, without a snapshot; with one again when that is too long ago, or the service has started anew. `tail`: before a snapshot, the last of what was, as long as it is kept, without ids. `group`: only what is of that group, which need not be registered yet, and of the service as a whole. A comment comes every 15 s. A client that reads so slowly that what it has not read is no longer kept (1,000 events, 4 MiB) is cut off; it may come back. A stream needs a connection for itself.',
        tags: ['watch'],
        querystring: EventsQuery,
        headers: LastEventId,
        response: {
          200: {
            description: 'The stream. Each event has this as its `data`, and its `type` as its name.',
            content: { 'text/event-stream': { schema: ref(ServiceEvent) } },
          },
          ...problemResponses('too_many_streams'),
        },
      },
    },
    async (request, reply) => {
      const { group, lastEventId, tail } = request.query;
      const reader = journal.watch({
        group,
        lastEventId: request.headers['last-event-id'] ?? lastEventId,
        tail: tail === undefined ? undefined : Number(tail),
      });
      streams.open('events', request, reply, 'text/event-stream; charset=utf-8', reader, {
        everyMs: heartbeatMs,
        text: () => journal.heartbeat(reader),
      });
    },
  );
};
