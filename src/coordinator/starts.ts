import { ProblemError } from '../errors.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { RestartReason } from '../schemas/states.js';
import type { Capacity } from './capacity.js';
import type { Group } from './group.js';
import type { StartTicket } from './launch.js';
import type { Predecessors } from './predecessors.js';
import { ON_THEIR_WAY } from './resume.js';
import { type StartOutcome, type StartWish, startGroups, superseded } from './start.js';
import type { Wishes } from './wishes.js';

export interface StartsWorld {
  readonly capacity: Capacity;
  readonly predecessors: Predecessors;
  readonly wishes: Wishes;
  readonly closing: () => boolean;
}

/** The start of a group that was to end first. */
interface Restart {
  readonly ticket: StartTicket;
  /** Whether there was something to end. */
  readonly wasUp: boolean;
}

/** Every start of groups, whoever asks for it: from the wish to the loops, or to what came between. */
export class Starts {
  readonly #world: StartsWorld;
  /** Those that somebody waits for. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(world: StartsWorld) {
    this.#world = world;
  }

  /**
   * Starts one group; resolves when every worker is in its loop.
   * @param begun called when the wish is kept, and the start begins
   * @throws ProblemError
   */
  async one(group: Group, begun?: () => void): Promise<void> {
    succeed(await this.#start([group], undefined, begun));
  }

  /** Starts groups together. @throws ProblemError worker_cap_reached, dependency_not_running, shutting_down, storage_failed */
  together(groups: readonly Group[]): Promise<StartOutcome[]> {
    return this.#start(groups);
  }

  /**
   * Asks the group to end, and takes a ticket for the start that follows. That it is to run is kept already.
   * @returns what waits for both; throws ProblemError as `one`
   */
  afterItsEnd(group: Group): () => Promise<void> {
    const wasUp = group.active || group.state === 'backoff';
    const halted = group.halt();
    const ticket = group.want();
    return async () => {
      await halted;
      succeed(await this.#start([group], { ticket, wasUp }));
    };
  }

  /** Ends the group, so that a thread which cannot be ended goes with it, and starts it again. @throws ProblemError */
  async anew(group: Group): Promise<void> {
    const halted = group.halt();
    const ticket = group.want();
    await halted;
    const [outcome] = await startGroups([{ group, ticket }], {
      admit: (starting) =>
        orElse(
          () => this.#world.capacity.checkStart(starting),
          (problem) => group.refuse(ticket, problem),
        ),
    });
    if (outcome?.problem !== undefined) throw outcome.problem;
  }

  /** What the restart policy starts. How it went is told by the group's state. */
  async again(group: Group, ticket: StartTicket, restartAfter: RestartReason): Promise<void> {
    await startGroups([{ group, ticket }], {
      // Those that it comes after may be on their way back, too; one that was stopped meanwhile is not waited for.
      wait: (resting) => this.#world.predecessors.change(specsOf(resting), [], ON_THEIR_WAY),
      restartAfter,
    });
  }

  /** Waits until none is under way: one that has been beaten still notes what has become of its groups. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /**
   * @param restart of the one group, where what is wanted of it is kept already
   * @param begun called when it is kept
   */
  #start(groups: readonly Group[], restart?: Restart, begun?: () => void): Promise<StartOutcome[]> {
    const start = this.#begin(groups, restart, begun).finally(() => this.#underWay.delete(start));
    this.#underWay.add(start);
    return start;
  }

  async #begin(
    groups: readonly Group[],
    restart: Restart | undefined,
    begun: (() => void) | undefined,
  ): Promise<StartOutcome[]> {
    const { capacity, predecessors, wishes } = this.#world;
    const names = groups.map(({ name }) => name);
    const admit = (starting: readonly Group[]) => {
      capacity.checkStart(starting);
      predecessors.check(specsOf(starting), names);
    };
    // Before anything is written. Once it is, the end of the service is no refusal: it beats the start, as a stop would.
    if (restart === undefined) {
      wishes.refuseWhenClosing();
      admit(groups.filter(({ active }) => !active));
    }
    // From now on those that come after these are not refused, although the wish has to be written first.
    const arrived = predecessors.expect(names);
    let withdrawn = false;
    try {
      const wanted = restart
        ? groups.map((group) => ({ group, ticket: restart.ticket }))
        : await this.#want(groups, begun);
      const outcomes = await startGroups(wanted, {
        wait: (resting) => predecessors.change(specsOf(resting), names),
        admit: (starting, waited) =>
          orElse(
            () => admit(starting),
            (problem) => {
              // Once it was stopped for this, or had to wait, it is a failure. Otherwise nothing has happened.
              withdrawn = restart?.wasUp !== true && !waited;
              for (const { group, ticket } of wanted) {
                if (withdrawn) group.withdraw(ticket);
                else group.refuse(ticket, problem);
              }
            },
          ),
      });
      const failed = outcomes.filter(({ problem }) => problem !== undefined);
      // What was rolled back is not wanted any more.
      if (failed.length > 0) await wishes.note(failed.map(({ group }) => group));
      return outcomes.map((outcome) => this.#toldAtTheEnd(outcome));
    } catch (error) {
      if (withdrawn) await wishes.note(groups);
      throw error;
    } finally {
      arrived();
    }
  }

  /** The user wants these groups to run: from the moment that it is kept. */
  #want(groups: readonly Group[], begun?: () => void): Promise<StartWish[]> {
    return this.#world.wishes.commit(
      groups,
      'running',
      () => {
        begun?.();
        for (const { state, incarnation } of groups) if (state === 'running') incarnation?.startWaiting();
        return groups.map((group) => ({ group, ticket: group.want() }));
      },
      () => {
        const [first] = groups;
        if (first !== undefined && groups.every(({ removing }) => removing)) throw superseded(first);
      },
    );
  }

  /** The end of the service takes no wish back, so who asked has to know that the group will run all the same. */
  #toldAtTheEnd(outcome: StartOutcome): StartOutcome {
    const { group, problem } = outcome;
    if (!this.#world.closing() || problem?.code !== 'superseded' || group.desired !== 'running')
      return outcome;
    const detail = `The service is shutting down, and group "${group.name}" does not run now. It is wanted to run, and will when the service starts again; stop it then if that is not what you want.`;
    return { group, problem: new ProblemError('superseded', detail) };
  }
}

/** @throws ProblemError what the start of the one group has come to, unless it runs */
function succeed([outcome]: readonly StartOutcome[]): void {
  if (outcome?.problem === undefined) return;
  const { group, problem } = outcome;
  const next =
    group.restartAt !== undefined
      ? ` (The restart policy tries again at ${group.restartAt.toISOString()}.)`
      : group.state === 'failed' && group.spec.critical
        ? ' (The group is critical and has failed for good: the service stops everything and ends.)'
        : '';
  throw new ProblemError(problem.code, `${problem.message}${next}`, { cause: problem });
}

/** Does it; what is wrong is told before it is thrown. */
function orElse(attempt: () => void, tell: (problem: ProblemError) => void): void {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ProblemError) tell(error);
    throw error;
  }
}

function specsOf(groups: readonly Group[]): GroupSpec[] {
  return groups.map(({ spec }) => spec);
}
