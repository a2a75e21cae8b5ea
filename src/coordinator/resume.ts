import type { Clock } from '../clock.js';
import { ProblemError } from '../errors.js';
import type { GroupState } from '../schemas/states.js';
import type { Group } from './group.js';
import type { StartTicket } from './launch.js';
import type { Predecessors } from './predecessors.js';
import { startGroups } from './start.js';
import { findCycle, inSteps } from './start-order.js';

/** A group that has not come up after so long does not hold up those after it in line. */
const TURN_MS = 5_000;

/** Nobody has asked for this start just now: it waits for those that may come back by themselves. */
export const ON_THEIR_WAY: readonly GroupState[] = ['backoff', 'stopping'];

export interface ResumeWorld {
  readonly clock: Clock;
  readonly predecessors: Predecessors;
  /** @throws ProblemError when there is no room for them. */
  readonly reserve: (starting: readonly Group[]) => void;
}

/**
 * Starts the groups that ran when the service ended: in the order of `after` and then as given, one after the other,
 * none waiting longer than 5 s for another that it does not come after. Each stands for itself: one that cannot be
 * started is `failed`, with the reason. Never rejects.
 */
export async function resumeGroups(groups: readonly Group[], world: ResumeWorld): Promise<void> {
  const ordered = inSteps(
    groups.map((group) => ({ group, name: group.name, after: group.spec.after })),
  ).flat();
  // All are on their way from now on: a stop that comes before their turn beats them, and no dependent is refused.
  const wishes = ordered.map(({ group }) => ({
    group,
    ticket: group.want(),
    arrived: world.predecessors.expect([group.name]),
  }));
  const starts: Promise<void>[] = [];
  for (const { group, ticket, arrived } of wishes) {
    const start = resume(group, ticket, groups, world).finally(arrived);
    starts.push(start);
    await atMost(world.clock, TURN_MS, start);
  }
  await Promise.all(starts);
}

async function resume(
  group: Group,
  ticket: StartTicket,
  groups: readonly Group[],
  { predecessors, reserve }: ResumeWorld,
): Promise<void> {
  try {
    const specs = groups.map(({ spec }) => spec);
    // Registration refuses cycles; should one come through all the same, nobody waits for ever.
    const cycle = findCycle(specs, group.name);
    if (cycle !== undefined) {
      const detail = `Group "${group.name}" is part of a cycle, in which none can start first: ${cycle.join(' after ')}`;
      throw new ProblemError('dependency_not_running', detail);
    }
    const specsOf = (groups: readonly Group[]) => groups.map(({ spec }) => spec);
    await startGroups([{ group, ticket }], {
      wait: (resting) => predecessors.change(specsOf(resting), [], ON_THEIR_WAY),
      admit: (starting) => {
        reserve(starting);
        predecessors.check(specsOf(starting), []);
      },
    });
  } catch (error) {
    const problem =
      error instanceof ProblemError ? error : new ProblemError('internal', String(error), { cause: error });
    group.refuse(ticket, problem);
  }
}

/** Waits for the promise, but no longer than that. */
function atMost(clock: Clock, milliseconds: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(milliseconds, resolve);
    void promise.then(() => {
      timer.cancel();
      resolve();
    });
  });
}
