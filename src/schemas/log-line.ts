import { type Static, Type } from 'typebox';
import { LOG_LEVELS } from './states.js';

/** A line of a group's log. */
export const LogLine = Type.Union(
  [
    Type.Object({
      seq: Type.Integer({ minimum: 0, description: 'Goes up by one from line to line of a group.' }),
      time: Type.String({ format: 'date-time', description: 'When the service heard of it.' }),
      level: Type.Enum([...LOG_LEVELS]),
      workerId: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
        description: 'The worker; null for the host, hooks, loggers and processes that were started.',
      }),
      text: Type.String(),
      fields: Type.Optional(
        Type.Record(Type.String(), Type.Unknown(), { description: 'As `ctx.log` got them.' }),
      ),
    }),
    Type.Object(
      {
        lost: Type.Integer({ minimum: 1, description: 'So many lines are gone that were not read in time.' }),
      },
      { description: 'Instead of lines that a reader has missed.' },
    ),
  ],
  {
    $id: 'LogLine',
    description: 'A line of a group, or how many are missing.',
    examples: [
      {
        seq: 1767268800000001,
        time: '2026-01-01T12:00:00.000Z',
        level: 'warn',
        workerId: 3,
        text: 'skipped a record',
        fields: { record: 17 },
      },
    ],
  },
);
export type LogLine = Static<typeof LogLine>;
