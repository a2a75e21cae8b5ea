import { ProblemError } from '../errors.js';
import type { CoordinatorEvents, Events } from './events.js';
import type { Group } from './group.js';
import { hasCome } from './start.js';

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
   * @param started the groups of the start: their order is its own business
   * @throws ProblemError dependency_not_running
   */
  check(starting: readonly Group[], started: readonly Group[]): void {
    for (const { group, name, other } of this.#of(starting, started)) {
      if (other !== undefined && (hasCome(other) || other.state === 'starting')) continue;
      const what =
        other === undefined
          ? 'and there is no such group. Register it, or take it out of `after`.'
          : `which is ${other.state}. Start it first, or start both with POST /v1/start.`;
      const detail = `Group "${group.name}" starts after "${name}", ${what}`;
      throw new ProblemError('dependency_not_running', detail);
    }
  }

  /** Waits until none of those that these groups come after is in one of these states any more. */
  async settled(groups: readonly Group[], unsettled: readonly Group['state'][]): Promise<void> {
    const waiting = () =>
      this.#of(
        groups.filter(({ active }) => !active),
        groups,
      ).some(({ other }) => other !== undefined && unsettled.includes(other.state));
    while (waiting()) await this.#nextTransition();
  }

  #of(groups: readonly Group[], started: readonly Group[]) {
    return groups
      .flatMap((group) => group.spec.after.map((name) => ({ group, name, other: this.#find(name) })))
      .filter(({ other }) => other === undefined || !started.includes(other));
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
