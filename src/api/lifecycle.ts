import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Clock, secondsSince } from '../clock.js';
import type { Coordinator } from '../coordinator/coordinator.js';
import { GroupStatus } from '../schemas/group-status.js';
import { ref } from '../schemas/ref.js';
import { StartReport, StopReport } from '../schemas/reports.js';
import { groupStatus } from './group-status.js';
import { NameParams, RUN_PROBLEMS } from './groups.js';
import { BODY_PROBLEMS, jsonResponse, problemResponses } from './responses.js';
import { LabelQuery, selectionOf } from './selection.js';
import { accepted, type Commands, WaitQuery } from './waiting.js';

const START_PROBLEMS = [
  'group_not_found',
  'superseded',
  'module_not_allowed',
  'module_not_found',
  'module_unsupported',
  ...RUN_PROBLEMS,
  'worker_cap_reached',
  'shutting_down',
  'storage_failed',
] as const;
const tags = ['lifecycle'];

export interface LifecycleOptions {
  readonly coordinator: Coordinator;
  readonly commands: Commands;
  readonly clock: Clock;
}

/** Start, stop and restart, of one group and of many. */
export const lifecycleRoutes: FastifyPluginAsyncTypebox<LifecycleOptions> = async (
  app,
  { coordinator, commands, clock },
) => {
  app.post(
    '/v1/groups/:name/start',
    {
      schema: {
        operationId: 'startGroup',
        summary: 'Start a group',
        description:
          'Answers when every worker is in its loop, or with what failed. A group that runs is left as it is.',
        tags,
        params: NameParams,
        querystring: WaitQuery,
        response: {
          200: jsonResponse(ref(GroupStatus), 'Every worker runs.'),
          202: jsonResponse(ref(GroupStatus), 'With `wait=false`: it is being started.'),
          ...problemResponses(...BODY_PROBLEMS, ...START_PROBLEMS),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const outcome = await commands.carryOut(request, (begun) => coordinator.start(name, begun));
      if (outcome.kind === 'done') return groupStatus(outcome.value);
      return accepted(reply, coordinator.get(name));
    },
  );

  app.post(
    '/v1/groups/:name/stop',
    {
      schema: {
        operationId: 'stopGroup',
        summary: 'Stop a group',
        description:
          'Answers when all its workers are dead; those that did not end within the grace were killed.',
        tags,
        params: NameParams,
        querystring: WaitQuery,
        response: {
          200: jsonResponse(ref(StopReport), 'Dead.'),
          202: jsonResponse(ref(GroupStatus), 'With `wait=false`: it is being stopped.'),
          ...problemResponses(...BODY_PROBLEMS, 'group_not_found', 'shutting_down', 'storage_failed'),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const outcome = await commands.carryOut(request, (begun) => coordinator.stop(name, begun));
      if (outcome.kind === 'done') return outcome.value;
      return accepted(reply, coordinator.get(name));
    },
  );

  app.post(
    '/v1/groups/:name/restart',
    {
      schema: {
        operationId: 'restartGroup',
        summary: 'Restart a group',
        description: 'Stops the group, then starts it. A later stop wins.',
        tags,
        params: NameParams,
        querystring: WaitQuery,
        response: {
          200: jsonResponse(ref(GroupStatus), 'Every worker runs.'),
          202: jsonResponse(ref(GroupStatus), 'With `wait=false`: it is being stopped, then started.'),
          ...problemResponses(...BODY_PROBLEMS, ...START_PROBLEMS),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const outcome = await commands.carryOut(request, (begun) => coordinator.restart(name, begun));
      if (outcome.kind === 'done') return groupStatus(outcome.value);
      return accepted(reply, coordinator.get(name));
    },
  );

  app.post(
    '/v1/start',
    {
      schema: {
        operationId: 'startGroups',
        summary: 'Start all groups, or those with a label',
        description:
          'Runs every `init` one after the other, in order of registration, and then all workers; groups that come `after` others once those run. If a module or an `init` fails, nothing of this start runs.',
        tags,
        querystring: LabelQuery,
        response: {
          200: jsonResponse(ref(StartReport), 'What became of each group.'),
          ...problemResponses(
            ...BODY_PROBLEMS,
            'dependency_not_running',
            'worker_cap_reached',
            'shutting_down',
            'storage_failed',
          ),
        },
      },
    },
    async (request) => {
      const startedAt = clock.now();
      const outcomes = await coordinator.startAll(selectionOf(request.query));
      const groups = outcomes.map(({ group, problem }) => ({
        name: group.name,
        success: problem === undefined,
        state: group.state,
        reason: problem?.message ?? null,
      }));
      return {
        success: groups.every(({ success }) => success),
        seconds: secondsSince(clock, startedAt),
        groups,
      };
    },
  );

  app.post(
    '/v1/stop',
    {
      schema: {
        operationId: 'stopGroups',
        summary: 'Stop all groups, or those with a label',
        description: 'Asks all of them at once, then waits for all, each up to its grace.',
        tags,
        querystring: LabelQuery,
        response: {
          200: jsonResponse(ref(StopReport), 'All dead.'),
          ...problemResponses(...BODY_PROBLEMS, 'shutting_down', 'storage_failed'),
        },
      },
    },
    async (request) => coordinator.stopAll(selectionOf(request.query)),
  );
};
