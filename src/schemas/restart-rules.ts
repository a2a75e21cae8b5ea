import { type Static, Type } from 'typebox';
import { filledIn } from './shapes.js';

const Backoff = filledIn(
  {
    initialSeconds: Type.Number({
      minimum: 0,
      maximum: 3600,
      default: 1,
      description: 'The first wait, in seconds.',
    }),
    factor: Type.Number({
      minimum: 1,
      maximum: 10,
      default: 2,
      description: 'Each further wait is so many times as long.',
    }),
    maxSeconds: Type.Number({ minimum: 0, maximum: 86_400, default: 60, description: 'The longest wait.' }),
    jitter: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.2,
      description: 'By up to this share a wait is shortened at random, so that not all come back at once.',
    }),
  },
  { default: {}, description: 'How long to wait before each restart.' },
);

/** When and how what has ended starts again. */
export const RestartRules = filledIn(
  {
    policy: Type.Enum(['never', 'on-failure', 'always'], {
      description: '`always` starts again what has completed, too.',
    }),
    scope: Type.Enum(['worker', 'group'], {
      default: 'worker',
      description:
        'What starts again: the worker that failed, in a fresh thread, or the whole group. When the host dies it is the group.',
    }),
    maxRestarts: Type.Integer({
      minimum: 0,
      maximum: 10_000,
      default: 5,
      description:
        'So many restarts after failures are made within windowSeconds, of each worker or of the group; the next failure is final.',
    }),
    windowSeconds: Type.Number({
      exclusiveMinimum: 0,
      maximum: 86_400,
      default: 30,
      description:
        'Counted in seconds of running, waits left out: after so long without a failure all restarts are there again.',
    }),
    backoff: Backoff,
  },
  {
    default: { policy: 'never' },
    description: 'What happens after a failure.',
    examples: [{ policy: 'on-failure' }],
  },
  ['policy'],
);
export type RestartRules = Static<typeof RestartRules>;
