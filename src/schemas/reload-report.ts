import { type Static, Type } from 'typebox';
import { GroupName } from './group-spec.js';

/** What a reload does with a group. */
export const RELOAD_ACTIONS = {
  created: 'new in the file: registered, and started with `autostart`',
  changed: 'its spec has changed; what runs of it goes on',
  restarted: 'its spec has changed, and it runs: started again with it',
  unchanged: 'as the file says: not touched',
  removed: 'came from the file and is no longer in it: stopped and forgotten',
  conflict: 'a group of this name was registered over REST: left alone',
} as const;
export type ReloadAction = keyof typeof RELOAD_ACTIONS;

/** A mistake in a file, with its place. */
const FileMistake = Type.Object({
  pointer: Type.String({ description: 'JSON pointer to the field in the file.' }),
  detail: Type.String(),
  line: Type.Optional(Type.Integer({ minimum: 1 })),
  column: Type.Optional(Type.Integer({ minimum: 1 })),
});

export const ReloadReport = Type.Object(
  {
    success: Type.Boolean({ description: 'True only if there was no conflict, and nothing failed.' }),
    dryRun: Type.Boolean({ description: 'This is a plan: nothing was changed.' }),
    groups: Type.Array(
      Type.Object({
        name: GroupName,
        action: Type.Enum(Object.keys(RELOAD_ACTIONS) as ReloadAction[], {
          description: Object.entries(RELOAD_ACTIONS)
            .map(([action, meaning]) => `\`${action}\`: ${meaning}`)
            .join('; '),
        }),
        success: Type.Boolean({ description: 'False for a conflict, and when the action failed.' }),
        changes: Type.Array(Type.String(), { description: 'Fields of the spec that differ.' }),
        starts: Type.Boolean({ description: 'Whether this starts the group, or starts it again.' }),
        reason: Type.Union([Type.String(), Type.Null()], { description: 'What there is to say about it.' }),
      }),
      { description: 'The groups of the file in its order, then those that go.' },
    ),
    warnings: Type.Array(FileMistake, { description: 'What in the file may be a typing error.' }),
  },
  {
    $id: 'ReloadReport',
    description: 'What a reload of the groups file has done, or would do. Other groups are not touched.',
    examples: [
      {
        success: true,
        dryRun: false,
        groups: [
          {
            name: 'train',
            action: 'changed',
            success: true,
            changes: ['workers'],
            starts: false,
            reason: null,
          },
          { name: 'old', action: 'removed', success: true, changes: [], starts: false, reason: null },
        ],
        warnings: [],
      },
    ],
  },
);
export type ReloadReport = Static<typeof ReloadReport>;
