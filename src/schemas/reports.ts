import { type Static, Type } from 'typebox';
import { GroupName } from './group-spec.js';
import { GroupState } from './group-status.js';

const Reason = Type.Union([Type.String(), Type.Null()], { description: 'What there is to say about it.' });
const Seconds = Type.Number({ minimum: 0, description: 'How long it took.' });

export const StopReport = Type.Object(
  {
    success: Type.Boolean({ description: 'True only if nobody had to be killed.' }),
    seconds: Seconds,
    groups: Type.Array(
      Type.Object({
        name: GroupName,
        success: Type.Boolean(),
        killed: Type.Array(Type.Integer(), {
          description: 'Ids of the workers that did not end and were killed.',
        }),
        seconds: Seconds,
        reason: Reason,
      }),
    ),
  },
  {
    $id: 'StopReport',
    description: 'How a stop went. All that it names is dead.',
    examples: [
      {
        success: false,
        seconds: 5.01,
        groups: [
          {
            name: 'train',
            success: false,
            killed: [1],
            seconds: 5.01,
            reason: 'Worker 1 did not stop within the grace of 5 s: killed',
          },
        ],
      },
    ],
  },
);
export type StopReport = Static<typeof StopReport>;

export const StartReport = Type.Object(
  {
    success: Type.Boolean({ description: 'True only if every group runs.' }),
    seconds: Seconds,
    groups: Type.Array(
      Type.Object({ name: GroupName, success: Type.Boolean(), state: GroupState, reason: Reason }),
    ),
  },
  {
    $id: 'StartReport',
    description:
      'How a start of several groups went. When one failed in its module or init, none of them runs.',
    examples: [
      {
        success: true,
        seconds: 0.12,
        groups: [{ name: 'train', success: true, state: 'running', reason: null }],
      },
    ],
  },
);
export type StartReport = Static<typeof StartReport>;
