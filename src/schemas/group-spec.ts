import { type Static, type TSchema, Type } from 'typebox';
import { FeedRules } from './feed.js';
import { Permissions } from './permissions.js';
import { RestartRules } from './restart-rules.js';
import { filledIn, nullable, optional } from './shapes.js';

/**
 * Upper bounds of the worker_time_seconds histogram, in seconds: 100 microseconds to 60 s in steps of 2 to 2.5,
 * wide enough for a decoded record and for a batch fetched over a slow network alike.
 */
export const DEFAULT_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const NAME = '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$';

/** What `NAME` says, for people. */
export const NAME_RULE =
  'is not a name: a letter or digit, then up to 62 letters, digits, dots, underscores or dashes';

export const GroupName = Type.String({
  pattern: NAME,
  description:
    'Name of the group: a letter or digit, then up to 62 letters, digits, dots, underscores or dashes.',
  examples: ['train'],
});

const LABEL_KEY = '^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$';

/** What `LABEL_KEY` says, for people. */
export const LABEL_KEY_RULE =
  'is not a key of a label: a letter or digit, then up to 62 letters, digits, dots, underscores, dashes or slashes';

const ModulePath = Type.String({
  minLength: 1,
  maxLength: 1024,
  description:
    'Path of a worker module (.mjs, .js, .cjs, or .ts where Node strips types), relative to the workers directory.',
  examples: ['digits/worker.mjs'],
});

/** The fields of a group spec besides its name: the one source of types, validation, documentation and defaults. */
const fields = {
  module: ModulePath,
  workers: Type.Integer({
    minimum: 1,
    default: 2,
    description: 'How many workers run the worker function, each in a thread of its own.',
  }),
  params: Type.Unsafe<unknown>({
    default: {},
    description: 'Any JSON, given to the module as `ctx.params` and `group.params`.',
    examples: [{ split: 'train' }],
  }),
  labels: Type.Record(Type.String({ pattern: LABEL_KEY }), Type.String({ maxLength: 256 }), {
    default: {},
    additionalProperties: false,
    maxProperties: 32,
    description: 'Labels that bulk commands and lists select by (`?label=role=train`).',
    examples: [{ role: 'train' }],
  }),
  autostart: Type.Boolean({
    default: false,
    description:
      'Start the group whenever the service starts, unless it has completed. To register it starts nothing.',
  }),
  after: Type.Array(GroupName, {
    maxItems: 32,
    uniqueItems: true,
    default: [],
    description: 'Groups that have to run before this one starts, and that stop after it.',
    examples: [[]],
  }),
  critical: Type.Boolean({
    default: false,
    description: 'When this group has failed for good, the service stops everything and exits with code 70.',
  }),
  stopGraceSeconds: Type.Number({
    minimum: 0,
    maximum: 3600,
    default: 5,
    description: 'How long the group may take to end after stop was asked, in seconds; then it is killed.',
  }),
  startTimeoutSeconds: Type.Number({
    exclusiveMinimum: 0,
    maximum: 86_400,
    default: 30,
    description: 'How long loading the module, `init` and `setup` may take together, in seconds.',
  }),
  iterationTimeoutSeconds: nullable('number', {
    minimum: 0.01,
    maximum: 86_400,
    description: 'A call that takes longer is a stall: the worker is killed and has failed. null: none is.',
  }),
  intervalSeconds: Type.Number({
    minimum: 0,
    maximum: 86_400,
    default: 0,
    description:
      'At least this long between the starts of two calls of one worker, in seconds, without drift.',
  }),
  maxIterations: nullable('integer', {
    minimum: 1,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'After so many calls in one start a worker has finished. null: it has not by itself.',
  }),
  restart: RestartRules,
  limits: filledIn(
    {
      heapMb: nullable('integer', {
        minimum: 16,
        maximum: 1_048_576,
        description:
          'JavaScript heap of each worker, in MiB; buffers do not count. null: what Node gives it.',
      }),
      rssMb: nullable('integer', {
        minimum: 64,
        maximum: 16_777_216,
        description:
          'Resident memory of the group host, all its workers and buffers, in MiB. null: no bound.',
      }),
    },
    { default: {}, description: 'Memory; who goes over a limit is killed and has failed.' },
  ),
  nice: Type.Integer({
    minimum: 0,
    maximum: 19,
    default: 0,
    description: 'Priority of the group host: the higher, the more it leaves to others, such as the trainer.',
  }),
  permissions: Permissions,
  buckets: Type.Array(Type.Number({ exclusiveMinimum: 0, maximum: 86_400 }), {
    minItems: 1,
    maxItems: 50,
    default: DEFAULT_BUCKETS,
    description: 'Upper bounds of the worker_time_seconds buckets, in seconds, strictly ascending.',
  }),
  loggers: Type.Array(ModulePath, {
    maxItems: 8,
    default: [],
    description: 'Modules that export `log(metrics)`, called every `logIntervalSeconds` and once at stop.',
    examples: [[]],
  }),
  logIntervalSeconds: Type.Number({
    minimum: 0.1,
    maximum: 86_400,
    default: 60,
    description: 'Seconds between two calls of the loggers.',
  }),
  feed: FeedRules,
};

function withoutDefaults<T extends Record<string, TSchema>>(properties: T): T {
  const entries = Object.entries(properties).map(([key, schema]) => {
    const { default: _default, ...rest } = Object.getOwnPropertyDescriptors(
      schema as TSchema & { default?: unknown },
    );
    return [key, Object.defineProperties({}, rest as PropertyDescriptorMap)];
  });
  return Object.fromEntries(entries) as T;
}

const { module: moduleField, ...fieldsWithDefaults } = fields;

/** A whole spec, every default filled in. */
export const GroupSpec = Type.Object(
  { name: GroupName, ...fields },
  {
    $id: 'GroupSpec',
    additionalProperties: false,
    description:
      'A worker group: which module, how many workers, and how they are started, measured and stopped.',
  },
);
export type GroupSpec = Static<typeof GroupSpec>;

/** A whole spec for the examples of the documentation. */
export const EXAMPLE_SPEC: GroupSpec = {
  name: 'train',
  module: 'digits/worker.mjs',
  workers: 1,
  params: { split: 'train' },
  labels: { role: 'train' },
  autostart: false,
  after: [],
  critical: false,
  stopGraceSeconds: 5,
  startTimeoutSeconds: 30,
  iterationTimeoutSeconds: null,
  intervalSeconds: 0,
  maxIterations: null,
  restart: {
    policy: 'on-failure',
    scope: 'worker',
    maxRestarts: 5,
    windowSeconds: 30,
    backoff: { initialSeconds: 1, factor: 2, maxSeconds: 60, jitter: 0.2 },
  },
  limits: { heapMb: null, rssMb: 2048 },
  nice: 0,
  permissions: { read: [], write: [], childProcess: false, addons: false, wasi: false },
  buckets: DEFAULT_BUCKETS,
  loggers: [],
  logIntervalSeconds: 60,
  feed: { capacity: 800, maxBytes: 268_435_456, ordered: false },
};

/** The body of POST. Validation fills in the defaults, so what comes out is a whole spec. */
export const GroupRegistration = Type.Unsafe<GroupSpec>(
  Type.Object(
    { name: GroupName, module: moduleField, ...optional(fieldsWithDefaults) },
    {
      $id: 'GroupRegistration',
      additionalProperties: false,
      description: 'A group to register; fields that are left out get their defaults.',
      examples: [{ name: 'train', module: 'digits/worker.mjs', workers: 2, labels: { role: 'train' } }],
    },
  ),
);

/** The body of PUT, filled in like that of POST; the name is in the path and may be left out. */
export const GroupReplacement = Type.Unsafe<Omit<GroupSpec, 'name'> & { name?: string }>(
  Type.Object(
    { name: Type.Optional(GroupName), module: moduleField, ...optional(fieldsWithDefaults) },
    {
      $id: 'GroupReplacement',
      additionalProperties: false,
      description: 'A whole spec; fields that are left out get their defaults. The name may be left out.',
      examples: [{ module: 'digits/worker.mjs', workers: 4 }],
    },
  ),
);

/** The body of PATCH: only what is given changes. */
export const GroupPatch = Type.Object(optional(withoutDefaults(fields)), {
  $id: 'GroupPatch',
  additionalProperties: false,
  minProperties: 1,
  description: 'The fields to change; those that are left out stay as they are.',
  examples: [{ stopGraceSeconds: 10 }],
});
export type GroupPatch = Static<typeof GroupPatch>;

/** The schemas that requests refer to. */
export const SPEC_SCHEMAS = [GroupSpec, GroupRegistration, GroupReplacement, GroupPatch];
