import { type Static, Type } from 'typebox';
import type { Selection } from '../coordinator/coordinator.js';
import { ProblemError } from '../errors.js';
import { GroupState } from '../schemas/group-status.js';

const Label = Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 32 })], {
  description: 'A label that the groups must have, as `key=value`. May be given several times: all must fit.',
  examples: ['role=train'],
});

/** Query of bulk commands. */
export const LabelQuery = Type.Object({ label: Type.Optional(Label) }, { additionalProperties: false });

/** Query of the list. */
export const ListQuery = Type.Object(
  { label: Type.Optional(Label), state: Type.Optional(GroupState) },
  { additionalProperties: false },
);

/** @throws ProblemError invalid_request for a label that is no `key=value` */
export function selectionOf({ label, state }: Static<typeof ListQuery>): Selection {
  const given = label === undefined ? [] : Array.isArray(label) ? label : [label];
  const labels = given.map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
    const detail = `must be key=value, as in ?label=role=train; it was "${text}"`;
    throw new ProblemError('invalid_request', `?label ${detail}`, {
      errors: [{ pointer: '?label', detail }],
    });
  });
  return { labels, ...(state === undefined ? {} : { state }) };
}
