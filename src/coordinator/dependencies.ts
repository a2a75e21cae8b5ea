import { ProblemError } from '../errors.js';
import type { GroupState } from '../schemas/states.js';
import type { CoordinatorEvents, Events } from './events.js';
import type { Group } from './group.js';
import { hasCome } from './start.js';
import type { Ordered } from './start-order.js';

/** The groups that others come `after`, where those are not part of the same start. */
export class Dependencies {
  readonly #find: (name: string) => Group | undefined;
  readonly #events: Events<CoordinatorEvents>;

  constructor(find: (name: string) => Group | undefined, events: Events<CoordinatorEvents>) {
    this.#find = find;
    this.#events = events;
  }

  /**
   * Refuses a start of groups when one that they come after is missing, or neither runs nor is about to.
   * @param together names of the groups of the same start: their order is its own business
   * @throws ProblemError dependency_not_running
   */
  check(starting: readonly Ordered[], together: readonly string[]): void {
    for (const { name, before } of this.#before(starting, together)) {
      const group = this.#find(before);
      if (
        group !== undefined &&
        group.halting === undefined &&
        (hasCome(group) || group.state === 'starting')
      )
        continue;
      const what =
        group === undefined
          ? 'and there is no such group. Register it, or take it out of `after`.'
          : `which is ${group.halting === undefined ? group.state : 'stopping'}. Start it first, or start both with POST /v1/start.`;
      throw new ProblemError('dependency_not_running', `Group "${name}" starts after "${before}", ${what}`);
    }
  }

  /** Waits until none of those that these groups come after is in one of these states any more. */
  async settled(
    starting: readonly Ordered[],
    together: readonly string[],
    unsettled: readonly GroupState[],
  ): Promise<void> {
    const waiting = () =>
      this.#before(starting, together).some(({ before }) => {
        const group = this.#find(before);
        return group !== undefined && unsettled.includes(group.state);
      });
    while (waiting()) await this.#nextTransition();
  }

  #before(starting: readonly Ordered[], together: readonly string[]) {
    return starting
      .flatMap(({ name, after }) => after.map((before) => ({ name, before })))
      .filter(({ before }) => !together.includes(before));
  }

  #nextTransition(): Promise<void> {
    return new Promise((resolve) => {
      const off = this.#events.on('transition', () => {
        off();
        resolve();
      });
    });
  }
}
