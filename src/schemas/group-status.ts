import { type Static, Type } from 'typebox';
import { FeedStatus } from './feed.js';
import { EXAMPLE_SPEC, GroupName, GroupSpec } from './group-spec.js';
import { ref } from './ref.js';
import { DESIRED_STATES, FAILURE_KINDS, FAILURES, GROUP_STATES, ORIGINS, WORKER_STATES } from './states.js';

const Count = (description: string) => Type.Integer({ minimum: 0, description });
const Seconds = (description: string) => Type.Number({ minimum: 0, description });
const Moment = (description: string) => Type.String({ format: 'date-time', description });
const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

const counted = {
  iterations: Count('Finished calls of the worker function, failed ones included.'),
  errors: Count('Calls that threw.'),
  workerTimeSeconds: Seconds('Time spent in the worker function, waits in `ctx.put` included.'),
};

const WorkerStatus = Type.Object(
  {
    id: Count('Unique in the whole service, never used again.'),
    index: Count('Place in the group, the same over restarts.'),
    state: Type.Enum([...WORKER_STATES]),
    ...counted,
    lastProgress: nullable(Moment('When the last call ended; before that, when the loop began.')),
    restarts: Count('How often it was started again alone.'),
    restartAt: nullable(Moment('When it starts again, while it waits for that.')),
  },
  { $id: 'WorkerStatus', description: 'One worker and what it has counted since it was registered.' },
);

const Failure = Type.Object({
  at: Moment('When it happened.'),
  kind: Type.Enum(FAILURE_KINDS, {
    description: Object.entries(FAILURES)
      .map(([kind, meaning]) => `\`${kind}\`: ${meaning}`)
      .join('; '),
  }),
  workerId: nullable(Count('The worker that failed.')),
  reason: Type.String(),
});

export const GroupState = Type.Enum([...GROUP_STATES], {
  description:
    'What is. A group that is stopped, completed, failed or in backoff has no process and no thread; one in backoff starts again by itself.',
});

export const GroupStatus = Type.Object(
  {
    name: GroupName,
    origin: Type.Enum([...ORIGINS], {
      description:
        '`rest`: registered over REST. `file`: from the groups file, whose next reload brings it back in line.',
    }),
    spec: ref(GroupSpec),
    restartPending: Type.Boolean({
      description:
        'The spec has changed since the group was started: the change takes effect at the next start.',
    }),
    desired: Type.Enum([...DESIRED_STATES], { description: 'What was last asked for.' }),
    state: GroupState,
    since: Moment('When this state was entered.'),
    reason: nullable(
      Type.String({ description: 'Why the group is in this state, where there is something to say.' }),
    ),
    restartAt: nullable(Moment('In state backoff: when the group starts again.')),
    host: nullable(
      Type.Object(
        {
          pid: Count('Process id of the group host.'),
          memoryBytes: Count('Its resident memory at its last report.'),
          cpuSeconds: Seconds('Processor time that it has used.'),
        },
        { description: 'The process that runs the group.' },
      ),
    ),
    feed: nullable(ref(FeedStatus)),
    workers: Type.Array(ref(WorkerStatus)),
    totals: Type.Object(
      {
        ...counted,
        killed: Count('Workers that were killed: they did not end, they stalled, or their host had to be.'),
        stalls: Count('Calls that took longer than `iterationTimeoutSeconds`.'),
        restarts: Count('Restarts by the policy, of workers alone and of the group.'),
      },
      { description: 'Over all workers that the group has had.' },
    ),
    failures: Type.Array(Failure, { description: 'The last 10 failures, the newest last.' }),
  },
  {
    $id: 'GroupStatus',
    description: 'A group: its spec, what was asked for, and what is.',
    examples: [
      {
        name: 'train',
        origin: 'rest',
        spec: EXAMPLE_SPEC,
        restartPending: false,
        desired: 'running',
        state: 'running',
        since: '2026-01-01T12:00:00.000Z',
        reason: null,
        restartAt: null,
        host: { pid: 4711, memoryBytes: 78_000_000, cpuSeconds: 1.5 },
        feed: null,
        workers: [
          {
            id: 0,
            index: 0,
            state: 'running',
            iterations: 1200,
            errors: 0,
            workerTimeSeconds: 1.4,
            lastProgress: '2026-01-01T12:00:30.000Z',
            restarts: 1,
            restartAt: null,
          },
        ],
        totals: { iterations: 1200, errors: 0, workerTimeSeconds: 1.4, killed: 0, stalls: 0, restarts: 1 },
        failures: [
          {
            at: '2026-01-01T12:00:10.000Z',
            kind: 'exception',
            workerId: 0,
            reason: 'Exception in worker 0: bad record',
          },
        ],
      },
    ],
  },
);
export type GroupStatus = Static<typeof GroupStatus>;

export const GroupList = Type.Object(
  { groups: Type.Array(ref(GroupStatus)) },
  { $id: 'GroupList', description: 'Groups in order of registration.', examples: [{ groups: [] }] },
);

/** Schemas that the others refer to, to be registered before them. */
export const STATUS_SCHEMAS = [FeedStatus, WorkerStatus, GroupStatus, GroupList];
