import { ProblemError } from '../errors.js';
import type { EndCause } from './ending.js';
import type { Group, StartTicket } from './group.js';
import type { Incarnation } from './incarnation.js';

/** How one group fared in a start. */
export interface StartOutcome {
  readonly group: Group;
  /** Undefined when the group runs, or has completed already. */
  readonly problem: ProblemError | undefined;
}

/**
 * Starts groups together: every `init` one after the other in the order given, and no worker's loop before the
 * last of them has returned. When one fails, nothing of this start runs: those already initialised are ended with
 * their `shutdown` and `cleanup`. Groups that run, or that another command is starting, are only waited for.
 *
 * @param reserve is asked once, right before any host is started, with the groups to be started; it throws when
 *   there is no room for them.
 */
export async function startGroups(
  wishes: readonly { readonly group: Group; readonly ticket: StartTicket }[],
  reserve: (starting: readonly Group[]) => void,
): Promise<StartOutcome[]> {
  const stopping = () => wishes.filter(({ group, ticket }) => ticket.valid && group.state === 'stopping');
  while (stopping().length > 0) await Promise.all(stopping().map(({ group }) => group.incarnation?.ended));

  const starting = wishes
    .filter(({ group, ticket }) => ticket.valid && !group.active)
    .map(({ group }) => group);
  reserve(starting);
  const launched = new Map<Group, Incarnation>(starting.map((group) => [group, group.launch()]));
  const incarnations = wishes.map(({ group, ticket }) => (ticket.valid ? group.incarnation : undefined));

  await runTogether(launched);
  const problems = await Promise.all(wishes.map(({ group }, i) => outcome(group, incarnations[i])));
  // What has happened to one while others were waited for belongs into the answer as well.
  return wishes.map(({ group }, i) => ({
    group,
    problem: problems[i] ?? problemOf(group, incarnations[i]?.cause),
  }));
}

/** Takes the incarnations to their loops, or none of them. */
async function runTogether(launched: ReadonlyMap<Group, Incarnation>): Promise<void> {
  const findFailed = () => [...launched].find(([, { cause }]) => cause?.kind === 'failure');
  for (const incarnation of launched.values()) {
    await incarnation.init();
    // Not only this one may have failed: the host of one that waits can die.
    if (findFailed() !== undefined) break;
  }
  const failed = findFailed();
  if (failed === undefined) {
    await Promise.all([...launched.values()].map((incarnation) => incarnation.run()));
    return;
  }
  const [first, { cause }] = failed;
  const why = cause?.kind === 'failure' ? cause.problem.message : '';
  const problem = new ProblemError(
    'start_rolled_back',
    `Rolled back, because group "${first.name}" failed to start: ${why}`,
  );
  for (const [group, incarnation] of launched) if (group !== first) group.rollBack(incarnation, problem);
}

/** Waits until the incarnation runs or is dead; one that runs and is ending already is on its way to the latter. */
async function outcome(
  group: Group,
  incarnation: Incarnation | undefined,
): Promise<ProblemError | undefined> {
  if (incarnation === undefined) return superseded(group);
  if ((await incarnation.running) && problemOf(group, incarnation.cause) === undefined) return undefined;
  return problemOf(group, (await incarnation.ended).cause);
}

/** What the end of an incarnation, for this cause, is to the start that began it. */
function problemOf(group: Group, cause: EndCause | undefined): ProblemError | undefined {
  if (cause === undefined || cause.kind === 'completed') return undefined;
  return cause.kind === 'stop' ? superseded(group) : cause.problem;
}

function superseded(group: Group): ProblemError {
  const detail = `Group "${group.name}" was not started: it was stopped, restarted, replaced or deleted meanwhile.`;
  return new ProblemError('superseded', detail);
}
