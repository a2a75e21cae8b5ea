import { type Static, Type } from 'typebox';
import { filledIn } from './shapes.js';

const paths = (what: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1024, pattern: '^[^\\u0000]*$' }), {
    maxItems: 32,
    default: [],
    description: `Files and directories that workers may ${what}: absolute, or relative to the workers directory.`,
    examples: [[]],
  });

const grant = (what: string) => Type.Boolean({ default: false, description: `Whether workers may ${what}.` });

/** What a group may do where hosts are fenced (PW_PERMISSIONS); elsewhere it may do all of it anyway. */
export const Permissions = filledIn(
  {
    read: paths('read'),
    write: paths('write'),
    childProcess: grant('start processes'),
    addons: grant('load native addons'),
    wasi: grant('use WASI'),
  },
  {
    default: {},
    description:
      'What the group may do besides reading the workers directory, where hosts are fenced (PW_PERMISSIONS). Where they are not, it changes nothing.',
  },
);
export type Permissions = Static<typeof Permissions>;
