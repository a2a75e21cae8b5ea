import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import type { Coordinator } from '../coordinator/coordinator.js';
import { ProblemError } from '../errors.js';
import { GroupName, GroupPatch, GroupRegistration, GroupReplacement } from '../schemas/group-spec.js';
import { GroupList, GroupStatus } from '../schemas/group-status.js';
import { ref } from '../schemas/ref.js';
import { StopReport } from '../schemas/reports.js';
import { groupStatus } from './group-status.js';
import { BODY_PROBLEMS, jsonResponse, problemResponses } from './responses.js';
import { ListQuery, selectionOf } from './selection.js';
import { accepted, type Commands, WaitQuery } from './waiting.js';

export const NameParams = Type.Object({ name: GroupName });

const MODULE_PROBLEMS = ['module_not_allowed', 'module_not_found', 'module_unsupported'] as const;
/** What can become of a group that is started. */
export const RUN_PROBLEMS = [
  'dependency_not_running',
  'module_failed',
  'init_failed',
  'setup_failed',
  'feed_failed',
  'host_failed',
  'worker_failed',
  'start_rolled_back',
  'start_timeout',
] as const;
const REGISTERED = {
  ...jsonResponse(ref(GroupStatus), 'Registered.'),
  headers: { Location: Type.String({ description: 'Path of the group.' }) },
};
const tags = ['groups'];

/** Registration: what groups there are, and what they are made of. */
export const groupRoutes: FastifyPluginAsyncTypebox<{
  coordinator: Coordinator;
  commands: Commands;
}> = async (app, { coordinator, commands }) => {
  app.post(
    '/v1/groups',
    {
      schema: {
        operationId: 'registerGroup',
        summary: 'Register a group',
        description:
          'Registers a worker group; it is not started. The same spec again changes nothing and answers 200.',
        tags,
        body: ref(GroupRegistration),
        response: {
          200: jsonResponse(ref(GroupStatus), 'The same spec was registered already.'),
          201: REGISTERED,
          ...problemResponses(
            ...BODY_PROBLEMS,
            'group_conflict',
            ...MODULE_PROBLEMS,
            'group_cap_reached',
            'shutting_down',
            'storage_failed',
          ),
        },
      },
    },
    async (request, reply) => {
      const { group, created } = await coordinator.register(request.body);
      if (created) reply.code(201).header('location', `/v1/groups/${group.name}`);
      return groupStatus(group);
    },
  );

  app.get(
    '/v1/groups',
    {
      schema: {
        operationId: 'listGroups',
        summary: 'List groups',
        description: 'All groups in order of registration, or those that fit every `label` and the `state`.',
        tags,
        querystring: ListQuery,
        response: {
          200: jsonResponse(ref(GroupList), 'The groups.'),
          ...problemResponses(),
        },
      },
    },
    async (request) => ({ groups: coordinator.list(selectionOf(request.query)).map(groupStatus) }),
  );

  app.get(
    '/v1/groups/:name',
    {
      schema: {
        operationId: 'getGroup',
        summary: 'Show a group',
        description:
          'Spec, desired and present state, workers with their counters at the last report of the host.',
        tags,
        params: NameParams,
        response: {
          200: jsonResponse(ref(GroupStatus), 'The group.'),
          ...problemResponses('group_not_found'),
        },
      },
    },
    async (request) => groupStatus(coordinator.get(request.params.name)),
  );

  app.put(
    '/v1/groups/:name',
    {
      schema: {
        operationId: 'replaceGroup',
        summary: 'Register a group or replace its spec',
        description:
          'Workers keep their ids by index. A group that runs is restarted with the new spec, and the answer waits for it; the same spec again changes nothing.',
        tags,
        params: NameParams,
        querystring: WaitQuery,
        body: ref(GroupReplacement),
        response: {
          200: jsonResponse(ref(GroupStatus), 'Replaced, and restarted where it ran.'),
          201: REGISTERED,
          202: jsonResponse(ref(GroupStatus), 'With `wait=false`: replaced, and it is being restarted.'),
          ...problemResponses(
            ...BODY_PROBLEMS,
            'superseded',
            ...MODULE_PROBLEMS,
            ...RUN_PROBLEMS,
            'group_cap_reached',
            'worker_cap_reached',
            'shutting_down',
            'storage_failed',
          ),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (request.body.name !== undefined && request.body.name !== name) {
        const detail = `must be "${name}", as in the path, or be left out`;
        throw new ProblemError('invalid_request', `/name ${detail}`, {
          errors: [{ pointer: '/name', detail }],
        });
      }
      const spec = { ...request.body, name };
      const outcome = await commands.carryOut(request, (begun) => coordinator.replace(spec, 'rest', begun));
      if (outcome.kind === 'begun') return accepted(reply, coordinator.get(name));
      const { group, created } = outcome.value;
      if (created) reply.code(201).header('location', `/v1/groups/${name}`);
      return groupStatus(group);
    },
  );

  app.patch(
    '/v1/groups/:name',
    {
      schema: {
        operationId: 'patchGroup',
        summary: 'Change fields of a spec',
        description:
          'Changes the given fields, each as a whole. `labels`, `autostart`, `after`, `critical` and `workers` count at once, the others at the next start. Of a group that runs only the difference in workers starts, or stops: the highest index first. The answer comes when that is done.',
        tags,
        params: NameParams,
        querystring: WaitQuery,
        body: ref(GroupPatch),
        response: {
          200: jsonResponse(ref(GroupStatus), 'Changed.'),
          202: jsonResponse(
            ref(GroupStatus),
            'With `wait=false`: changed, and workers are being started or stopped.',
          ),
          ...problemResponses(
            ...BODY_PROBLEMS,
            'group_not_found',
            'superseded',
            ...MODULE_PROBLEMS,
            ...RUN_PROBLEMS,
            'group_cap_reached',
            'worker_cap_reached',
            'shutting_down',
            'storage_failed',
          ),
        },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const outcome = await commands.carryOut(request, (begun) =>
        coordinator.patch(name, request.body, begun),
      );
      if (outcome.kind === 'done') return groupStatus(outcome.value);
      return accepted(reply, coordinator.get(name));
    },
  );

  app.delete(
    '/v1/groups/:name',
    {
      schema: {
        operationId: 'deleteGroup',
        summary: 'Stop and forget a group',
        description: 'Stops the group, waits until it is dead, and forgets it, with its metrics.',
        tags,
        params: NameParams,
        querystring: WaitQuery,
        response: {
          200: jsonResponse(ref(StopReport), 'Dead and forgotten.'),
          202: jsonResponse(
            ref(GroupStatus),
            'With `wait=false`: it is being stopped, then it is forgotten.',
          ),
          ...problemResponses(...BODY_PROBLEMS, 'group_not_found', 'shutting_down', 'storage_failed'),
        },
      },
    },
    async (request, reply) => {
      const group = coordinator.get(request.params.name);
      const outcome = await commands.carryOut(request, (begun) => coordinator.remove(group.name, begun));
      if (outcome.kind === 'done') return outcome.value;
      return accepted(reply, group);
    },
  );
};
