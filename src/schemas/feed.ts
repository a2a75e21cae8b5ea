import { Type } from 'typebox';

export interface FeedRules {
  capacity: number;
  maxBytes: number;
  ordered: boolean;
}

/** The queue between the workers of a group and its trainer; validation fills in what is left out. */
export const FeedRules = Type.Unsafe<FeedRules | null>({
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
      description: 'The most bytes that wait; a larger item is refused.',
    }),
    ordered: Type.Boolean({
      default: false,
      description:
        'Items come in the order worker 0, 1, ..., n - 1, 0, ..., so that a run can be repeated. false: who is quicker puts more.',
    }),
  },
});
