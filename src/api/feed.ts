import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { Clock } from '../clock.js';
import { whenClosed } from '../connection-end.js';
import type { Coordinator } from '../coordinator/coordinator.js';
import type { Group } from '../coordinator/group.js';
import { ProblemError } from '../errors.js';
import { ITEMS_TYPE } from '../feed/framing.js';
import { readTake, TAKE_MAX, TAKE_WAIT } from '../feed/take-query.js';
import { FeedStatus } from '../schemas/feed.js';
import { ref } from '../schemas/ref.js';
import { askFeed, headersOf } from './feed-proxy.js';
import { feedStatus } from './group-status.js';
import { NameParams } from './groups.js';
import { BODY_PROBLEMS, jsonResponse, problemResponses } from './responses.js';

/** How soon a feed is asked again whose host is on its way, at first and after a while. */
const AGAIN_MS = { first: 50, most: 1_000 };

const TakeQuery = Type.Object(
  {
    waitSeconds: Type.Optional(
      Type.String({
        pattern: '^\\d{1,9}(\\.\\d{1,9})?$',
        description: `How long to wait for an item, in seconds: 0 to ${TAKE_WAIT.most}; ${TAKE_WAIT.default} by default.`,
        examples: ['10'],
      }),
    ),
    max: Type.Optional(
      Type.String({
        pattern: '^\\d{1,9}$',
        description: `Takes what is there, up to so many items (1 to ${TAKE_MAX}), in one answer.`,
        examples: ['64'],
      }),
    ),
  },
  { additionalProperties: false },
);

const binary = Type.String({ format: 'binary' });
const text = (description: string, example: string) => Type.String({ description, examples: [example] });
const tags = ['feed'];

/** What workers have made, for a trainer to take. */
export const feedRoutes: FastifyPluginAsyncTypebox<{
  coordinator: Coordinator;
  clock: Clock;
  /** How many takes may be under way at once. */
  mostTakes: number;
}> = async (app, { coordinator, clock, mostTakes }) => {
  let underWay = 0;

  app.get(
    '/v1/groups/:name/feed',
    {
      schema: {
        operationId: 'getFeed',
        summary: 'Show a feed',
        description: 'Where the feed of a group is served, what waits in it, and who waits for whom.',
        tags,
        params: NameParams,
        response: {
          200: jsonResponse(ref(FeedStatus), 'The feed.'),
          ...problemResponses('group_not_found', 'feed_not_configured'),
        },
      },
    },
    async (request) => feedStatus(withFeed(coordinator.get(request.params.name))) as FeedStatus,
  );

  app.post(
    '/v1/groups/:name/feed/take',
    {
      // A trainer takes thousands in a second.
      config: { unlimited: true },
      logLevel: 'warn',
      schema: {
        operationId: 'takeFromFeed',
        summary: 'Take the next item',
        description:
          'The next item that a worker has put, as it is; with `max` several in one answer, each as 4 bytes with the length of its head (big-endian), the head in JSON (`bytes`, `contentType`, `workerId`, `sequence`, `meta`), and its bytes. Each item goes to one taker. One whose answer could not be written in full, or whose taker has stopped in the middle of reading it for 30 to 60 s, goes back to the head of the queue; after that it is delivered at most once. The same call, as `POST /take`, on the socket of the feed goes past the service and is faster.',
        tags,
        params: NameParams,
        querystring: TakeQuery,
        response: {
          200: {
            description: 'One item, or with `max` some.',
            headers: {
              'x-worker-id': text('The worker that has put it.', '0'),
              'x-sequence': text(
                'Its number among the items of its worker, from 0, since the group was started.',
                '41',
              ),
              'x-meta': text('What the worker has put beside it, as JSON; without it, none.', '{"epoch":3}'),
              'x-items': text('With `max`: how many there are.', '64'),
            },
            content: { 'application/octet-stream': { schema: binary }, [ITEMS_TYPE]: { schema: binary } },
          },
          204: { description: 'None came in time.', type: 'null' },
          ...problemResponses(
            ...BODY_PROBLEMS,
            'group_not_found',
            'feed_not_configured',
            'feed_not_started',
            'feed_ended',
          ),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const take = readTake('POST', `/take?${new URLSearchParams(request.query)}`);
      if ('code' in take) throw new ProblemError(take.code, take.detail);
      const deadline = clock.now() + take.waitSeconds * 1000;
      if (underWay >= mostTakes) {
        const detail = `${mostTakes} takes are under way over this port: use the socket of the feed (GET /v1/groups/${name}/feed), or try again.`;
        throw new ProblemError('overloaded', detail);
      }
      underWay++;
      const gone = new AbortController();
      const end = () => {
        if (gone.signal.aborted) return;
        underWay--;
        gone.abort();
      };
      // Bytes, whatever the schema of the answer makes of them.
      const raw = reply as unknown as FastifyReply;
      const forget = whenClosed(request.raw.socket, end);
      reply.raw.once('close', () => {
        forget();
        end();
      });
      let again = AGAIN_MS.first;
      const max = take.max === undefined ? '' : `&max=${take.max}`;
      while (!gone.signal.aborted) {
        // It may have ended, or may be gone, since it was last looked at.
        const group = withFeed(coordinator.get(name));
        refuseAtRest(group);
        const socket = group.incarnation?.feedSocket;
        const left = Math.max(0, deadline - clock.now());
        const path = `/take?waitSeconds=${(left / 1000).toFixed(3)}${max}`;
        const answer = socket === undefined ? undefined : await askFeed(socket, path, left, gone.signal);
        if (answer?.statusCode === 200) return raw.headers(headersOf(answer)).send(answer);
        answer?.resume();
        if (answer !== undefined || clock.now() >= deadline) return raw.code(204).send();
        // Its host is not up yet, is being started again, or is about to end: the group's state will tell.
        await sleep(Math.min(left, again));
        again = Math.min(2 * again, AGAIN_MS.most);
      }
      return reply.hijack();
    },
  );
};

function withFeed(group: Group): Group {
  if (group.hasFeed) return group;
  const detail = `Group "${group.name}" has no feed: register it with one, such as "feed": {"capacity": 800}.`;
  throw new ProblemError('feed_not_configured', detail);
}

/** A group that waits to be started again is not at rest: neither are its takers. */
function refuseAtRest({ name, state, reason }: Group): void {
  if (state === 'completed') {
    const detail = `Group "${name}" has completed, and everything that it made was taken.`;
    throw new ProblemError('feed_ended', detail);
  }
  if (state !== 'registered' && state !== 'stopped' && state !== 'failed') return;
  const why = reason === null ? '' : ` (${reason})`;
  throw new ProblemError(
    'feed_not_started',
    `Group "${name}" is ${state}${why}: start it to take from its feed.`,
  );
}
