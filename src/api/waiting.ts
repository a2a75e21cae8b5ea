import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Group } from '../coordinator/group.js';
import { deferred } from '../deferred.js';
import { ProblemError } from '../errors.js';
import type { GroupStatus } from '../schemas/group-status.js';
import { groupStatus } from './group-status.js';

/** Of every command on one group that can take as long as user code takes. */
export const WaitQuery = Type.Object(
  {
    wait: Type.Optional(
      Type.Enum(['true', 'false'], {
        description:
          '`false`: answer 202 as soon as it has begun; how it went is told by the state of the group.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** What a command has come to by the time of its answer. */
export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'begun' };

/** The most commands that nobody waits for and that have not come to their end: each takes a few kilobytes. */
const MOST_UNAWAITED = 1_000;

/** The commands on single groups. Those that nobody waits for are bounded here; connections bound the others. */
export class Commands {
  #unawaited = 0;

  /**
   * Carries out a command: until it is done or, with `wait=false`, until what is wanted is kept and has begun. A refusal
   * that is known at once is an answer either way; a later one is told by the group's state.
   * @param command calls back once it has begun; one that has nothing to wait for never does
   * @throws ProblemError overloaded, and what the command throws
   */
  async carryOut<T>(
    { query, params, log }: CommandRequest,
    command: (begun: () => void) => Promise<T>,
  ): Promise<Outcome<T>> {
    const unawaited = query.wait === 'false';
    if (unawaited && this.#unawaited >= MOST_UNAWAITED) {
      const detail = `${MOST_UNAWAITED} commands with wait=false are under way: try again when some of them have ended.`;
      throw new ProblemError('overloaded', detail);
    }
    const begun = deferred<void>();
    let hasBegun = false;
    const done = command(() => {
      hasBegun = true;
      begun.resolve();
    }).then((value) => ({ kind: 'done' as const, value }));
    if (!unawaited) return done;
    this.#unawaited++;
    const over = () => {
      this.#unawaited--;
    };
    done.then(over, over);
    await Promise.race([done, begun.promise.then(() => nextTurn())]);
    if (!hasBegun) return done;
    // What comes later is nobody's answer.
    done.catch((error: Error) => log.info({ group: params.name }, error.message));
    return { kind: 'begun' };
  }
}

/** The answer to what has only begun: 202, with the group as it is now. */
export function accepted(reply: { code(status: 202): unknown }, group: Group): GroupStatus {
  reply.code(202);
  return groupStatus(group);
}

type CommandRequest = FastifyRequest<{ Params: { name: string }; Querystring: Static<typeof WaitQuery> }>;
