import { ProblemError } from '../errors.js';
import type { RestartReason } from '../schemas/states.js';
import { type EndCause, problemOf } from './ending.js';
import type { Group } from './group.js';
import type { Incarnation } from './incarnation.js';
import type { StartTicket } from './launch.js';
import { inSteps } from './start-order.js';

/** How one group fared in a start. */
export interface StartOutcome {
  readonly group: Group;
  /** Undefined when the group runs, or has completed already. */
  readonly problem: ProblemError | undefined;
}

/** One group that is to start. */
export interface StartWish {
  readonly group: Group;
  readonly ticket: StartTicket;
}

/** What a start has to keep to. */
export interface StartRules {
  /** What has to happen before these groups can start; undefined when that is nothing. Asked again after it. */
  readonly wait?: (resting: readonly Group[]) => Promise<unknown> | undefined;
  /**
   * Asked once, right before any host is started: throws when there is no room, or those before them do not run.
   * `waited`: others had to end or come first.
   */
  readonly admit?: (starting: readonly Group[], waited: boolean) => void;
  /** Set when the restart policy starts a group. */
  readonly restartAfter?: RestartReason;
}

/** A wish that has become a process. */
interface Launched extends StartWish {
  readonly incarnation: Incarnation;
}

/**
 * Starts groups together, in steps: a group that comes `after` others of this start waits until those run. Within a
 * step every `init` runs one after the other in the order given, and no worker's loop begins before the last of them
 * has returned. When a module or an `init` fails, nothing of this start runs: the others are ended, with their
 * `shutdown` and `cleanup`. Groups that run, or that another command is starting, are only waited for.
 *
 * Nothing happens between what `rules` say at the end of the wait and the launch.
 */
export async function startGroups(
  wishes: readonly StartWish[],
  { wait, admit, restartAfter }: StartRules,
): Promise<StartOutcome[]> {
  const resting = () => wishes.filter(({ group, ticket }) => ticket.valid && !group.active);
  // A stop in the moment at which a start begins by itself comes before it.
  await undefined;
  let waited = false;
  for (;;) {
    const first = halts(wishes) ?? wait?.(resting().map(({ group }) => group));
    if (first === undefined) break;
    waited = true;
    await first;
  }
  const starting = resting();
  admit?.(
    starting.map(({ group }) => group),
    waited,
  );
  const together = starting.length > 1;
  const launched: Launched[] = starting.map(({ group, ticket }) => ({
    group,
    ticket,
    incarnation: group.launch({ ticket, together, ...(restartAfter && { restartAfter }) }),
  }));
  const incarnations = wishes.map(({ group, ticket }) => (ticket.valid ? group.incarnation : undefined));

  await runInSteps(wishes, launched);
  const problems = await Promise.all(wishes.map(({ group }, i) => outcome(group, incarnations[i])));
  // What has happened to one while others were waited for belongs into the answer as well.
  return wishes.map(({ group }, i) => ({
    group,
    problem: problems[i] ?? problemToStart(group, incarnations[i]?.cause),
  }));
}

/** The ends that are under way, of those groups that are still wanted after them. */
function halts(wishes: readonly StartWish[]): Promise<unknown> | undefined {
  const halting = wishes.flatMap(({ group, ticket }) => (ticket.valid && group.halting) || []);
  return halting.length > 0 ? Promise.all(halting) : undefined;
}

/** Takes the groups to their loops, step by step, or none of them. */
async function runInSteps(wishes: readonly StartWish[], launched: readonly Launched[]): Promise<void> {
  const steps = inSteps(wishes.map(({ group }) => ({ group, name: group.name, after: group.spec.after })));
  for (const step of steps) {
    const groups = step.map(({ group }) => group);
    const own = launched.filter(({ group }) => groups.includes(group));
    const others = wishes.filter(({ group }) => !groups.includes(group)).map(({ group }) => group);
    for (const one of own) refuseWithoutOthers(one, others);
    if (!(await runTogether(own, launched))) return;
    // Those that another command is starting count like our own for the next step.
    if (step !== steps.at(-1)) await Promise.all(groups.map(({ incarnation }) => incarnation?.running));
  }
}

/** A group whose others have failed since this start began cannot start: there is an order, and no tie. */
function refuseWithoutOthers({ group, ticket }: Launched, others: readonly Group[]): void {
  const missing = others.find((other) => group.spec.after.includes(other.name) && !other.hasCome);
  if (missing === undefined) return;
  const detail = `Group "${group.name}" starts after "${missing.name}", which did not start: ${missing.reason ?? missing.state}`;
  group.rollBack(ticket, new ProblemError('dependency_not_running', detail));
}

async function runTogether(step: readonly Launched[], launched: readonly Launched[]): Promise<boolean> {
  const findFailed = () => step.find(({ incarnation }) => incarnation.cause?.kind === 'failure');
  for (const { incarnation } of step) {
    await incarnation.init();
    // Not only this one may have failed: the host of one that waits can die.
    if (findFailed() !== undefined) break;
  }
  const failed = findFailed();
  if (failed === undefined) {
    await Promise.all(step.map(({ incarnation }) => incarnation.run()));
    return true;
  }
  const { cause } = failed.incarnation;
  const why = (cause && problemOf(cause)?.message) ?? '';
  const problem = new ProblemError(
    'start_rolled_back',
    `Rolled back, because group "${failed.group.name}" failed to start: ${why}`,
  );
  for (const { group, ticket } of launched) if (group !== failed.group) group.rollBack(ticket, problem);
  return false;
}

/** Waits until the incarnation runs or is dead; one that runs and is ending already is on its way to the latter. */
async function outcome(
  group: Group,
  incarnation: Incarnation | undefined,
): Promise<ProblemError | undefined> {
  if (incarnation === undefined) return superseded(group);
  if ((await incarnation.running) && problemToStart(group, incarnation.cause) === undefined) return undefined;
  return problemToStart(group, (await incarnation.ended).cause);
}

/** What the end of an incarnation, for this cause, is to the start that began it. */
function problemToStart(group: Group, cause: EndCause | undefined): ProblemError | undefined {
  if (cause === undefined || cause.kind === 'completed') return undefined;
  return problemOf(cause) ?? superseded(group);
}

/** A later command, or the end of the service, has come before the start. */
export function superseded(group: Group): ProblemError {
  const detail = `Group "${group.name}" was not started: it was stopped, restarted, replaced or deleted meanwhile, or the service is shutting down.`;
  return new ProblemError('superseded', detail);
}
