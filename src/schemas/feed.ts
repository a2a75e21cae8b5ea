import { type Static, Type } from 'typebox';
import type { FeedRules as Rules } from '../feed/items.js';

/** The queue between the workers of a group and its trainer; validation fills in what is left out. */
export const FeedRules = Type.Unsafe<Rules | null>({
  type: ['object', 'null'],
  default: null,
  additionalProperties: false,
  description:
    'What workers put with `ctx.put` waits here for the trainer, up to a bound; then they wait. null: no feed.',
  examples: [{ capacity: 800 }],
  properties: {
    capacity: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 800,
      description: 'The most items that wait.',
    }),
    maxBytes: Type.Integer({
      minimum: 1,
      maximum: 1024 ** 4,
      default: 256 * 1024 ** 2,
      description: 'The most bytes that wait, metadata included; a larger item is refused.',
    }),
    ordered: Type.Boolean({
      default: false,
      description:
        'Items come in the order worker 0, 1, ..., n - 1, 0, ..., so that a run can be repeated. false: who is quicker puts more.',
    }),
  },
});

const Count = (description: string) => Type.Integer({ minimum: 0, description });
const Seconds = (description: string) => Type.Number({ minimum: 0, description });
const Share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

/** The feed of a group, as clients see it. */
export const FeedStatus = Type.Object(
  {
    socket: Type.Union([Type.String(), Type.Null()], {
      description:
        'Path of the Unix domain socket on which the group serves its feed: `POST /take` there, over HTTP, takes items past the service. null while the group does not run, or is only just starting.',
    }),
    capacity: Count('The most items that wait.'),
    maxBytes: Count('The most bytes that wait.'),
    ordered: Type.Boolean({ description: 'Whether items come in the order of the workers.' }),
    depth: Count('Items that wait to be taken.'),
    bytes: Count('Bytes of items that wait or are being written, metadata included.'),
    takers: Count('Takes that wait for an item.'),
    takenItems: Count('Items that were taken since the group was registered, or the service started.'),
    takenBytes: Count('Bytes of those.'),
    dropped: Count(
      'Items that were put and then lost, since the same moment: the group was stopped, or failed.',
    ),
    putWaitSeconds: Seconds('Time that puts waited for room, all together.'),
    takeWaitSeconds: Seconds('Time that takes waited for an item, all together.'),
    putWaitShare: Share(
      'Share of the last minute in which a put waited for room. Near 1: the trainer is the slower side.',
    ),
    takeWaitShare: Share(
      'Share of the last minute in which a take waited for an item. Near 1: the workers are the slower side.',
    ),
  },
  {
    $id: 'FeedStatus',
    description: 'The feed of a group: what waits in it, what went through it, and who waits for whom.',
    examples: [
      {
        socket: '/tmp/pw-feed-Ab3dEf/train.sock',
        capacity: 800,
        maxBytes: 268_435_456,
        ordered: false,
        depth: 640,
        bytes: 5_326_080,
        takers: 0,
        takenItems: 12_800,
        takenBytes: 106_521_600,
        dropped: 0,
        putWaitSeconds: 31.5,
        takeWaitSeconds: 0.25,
        putWaitShare: 0.93,
        takeWaitShare: 0.01,
      },
    ],
  },
);
export type FeedStatus = Static<typeof FeedStatus>;
