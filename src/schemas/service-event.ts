import { type Static, type TSchema, Type } from 'typebox';
import { GroupName } from './group-spec.js';
import { GroupState } from './group-status.js';
import { DESIRED_STATES, FAILURE_KINDS, RESTART_REASONS, WORKER_STATES } from './states.js';

const WorkerId = Type.Integer({ minimum: 0, description: 'Id of the worker.' });
const Desired = Type.Enum([...DESIRED_STATES], { description: 'What was last asked for.' });
const Reason = Type.Union([Type.String(), Type.Null()], { description: 'What there is to say about it.' });
const WorkerOrGroup = Type.Union([WorkerId, Type.Null()], {
  description: 'The worker, or null when it is the whole group.',
});

/** A group as events tell of it: what it is, not what it has counted. */
const GroupSummary = Type.Object(
  {
    name: GroupName,
    state: GroupState,
    desired: Desired,
    reason: Reason,
    workers: Type.Array(
      Type.Object({
        id: WorkerId,
        index: Type.Integer({ minimum: 0, description: 'Place in the group.' }),
        state: Type.Enum([...WORKER_STATES]),
      }),
    ),
  },
  { description: 'The group as it is after the event.' },
);
export type GroupSummary = Static<typeof GroupSummary>;

function event<K extends string, T extends Record<string, TSchema>>(
  type: K,
  description: string,
  properties: T,
) {
  return Type.Object(
    {
      type: Type.Literal(type),
      at: Type.String({ format: 'date-time', description: 'When it happened.' }),
      ...properties,
    },
    { description },
  );
}

const inGroup = { group: GroupName };

/** What can happen, as clients see it: the data of a server-sent event, and what a line of the service's log is of. */
export const ServiceEvent = Type.Union(
  [
    event('snapshot', 'All groups as they are; comes first.', { groups: Type.Array(GroupSummary) }),
    event('registered', 'A group was registered.', { ...inGroup, summary: GroupSummary }),
    event('changed', 'A group got another spec.', { ...inGroup, summary: GroupSummary }),
    event('deleted', 'A group was forgotten.', inGroup),
    event('desired', 'Something else was asked for.', { ...inGroup, desired: Desired }),
    event('transition', 'A group moved from one state to another.', {
      ...inGroup,
      from: GroupState,
      to: GroupState,
      desired: Desired,
      reason: Reason,
    }),
    event('failed', 'A worker, or the whole group, has failed.', {
      ...inGroup,
      workerId: WorkerOrGroup,
      kind: Type.Enum(FAILURE_KINDS),
      reason: Type.String(),
    }),
    event('restarted', 'What had ended starts again by the restart policy.', {
      ...inGroup,
      workerId: WorkerOrGroup,
      reason: Type.Enum([...RESTART_REASONS], { description: 'What it comes after.' }),
    }),
    event('stalled', 'A call takes longer than `iterationTimeoutSeconds`.', {
      ...inGroup,
      workerId: WorkerId,
    }),
    event('killed', 'Workers were killed.', { ...inGroup, workerIds: Type.Array(WorkerId) }),
    event('scaled', 'The number of workers of a group that runs changes.', {
      ...inGroup,
      workers: Type.Integer({ minimum: 0 }),
    }),
    event('criticalFailure', 'A critical group has failed for good: the service ends.', {
      ...inGroup,
      reason: Type.String(),
    }),
    event('notKept', 'What has become of a group by itself could not be written to the state directory.', {
      ...inGroup,
      reason: Type.String(),
    }),
    event('closing', 'The service ends: it stops all groups and takes no more commands.', {}),
    event('closed', 'All groups have ended; nothing follows.', {
      success: Type.Boolean({ description: 'True only if nobody had to be killed.' }),
      seconds: Type.Number({ minimum: 0 }),
    }),
  ],
  {
    $id: 'ServiceEvent',
    description: 'Something that happened; `type` says what.',
    examples: [
      {
        type: 'transition',
        at: '2026-01-01T12:00:00.000Z',
        group: 'train',
        from: 'starting',
        to: 'running',
        desired: 'running',
        reason: null,
      },
    ],
  },
);
export type ServiceEvent = Static<typeof ServiceEvent>;
