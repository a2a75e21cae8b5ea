import { type Static, Type } from 'typebox';
import { PROBLEMS, type ProblemCode } from '../errors.js';

/** The one shape of every error, RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'A URI that names the kind of problem.' }),
    title: Type.String({ description: 'The kind of problem, for people.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What happened here, and what to do about it.' }),
    code: Type.Enum(Object.keys(PROBLEMS) as ProblemCode[], {
      description: 'The kind of problem, for programs.',
    }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({
            description:
              'JSON pointer into the body or the groups file, or `?` and the name of a query parameter.',
          }),
          detail: Type.String(),
          line: Type.Optional(Type.Integer({ minimum: 1, description: 'Where it is in the groups file.' })),
          column: Type.Optional(Type.Integer({ minimum: 1 })),
        }),
        { description: 'For `invalid_request` and `groups_file_invalid`: every mistake.' },
      ),
    ),
  },
  {
    $id: 'Problem',
    description: 'An error, as RFC 9457 has it.',
    examples: [
      {
        type: 'urn:parallel-workers:problem:group_not_found',
        title: 'No such group',
        status: 404,
        detail: 'There is no group "trian". GET /v1/groups lists those that exist.',
        code: 'group_not_found',
      },
    ],
  },
);
export type Problem = Static<typeof Problem>;
