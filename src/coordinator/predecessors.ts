import { ProblemError } from '../errors.js';
import type { GroupState } from '../schemas/states.js';
import type { CoordinatorEvents, Events } from './events.js';
import type { Group } from './group.js';
import type { Ordered } from './start-order.js';

/** The groups that others come `after`, where those are not part of the same start. */
export class Predecessors {
  readonly #find: (name: string) => Group | undefined;
  /** Groups whose start is under way, whether they have got to a process or wait for others. */
  readonly #expected = new Map<string, number>();
  #waiting: (() => void)[] = [];

  constructor(find: (name: string) => Group | undefined, events: Events<CoordinatorEvents>) {
    this.#find = find;
    for (const event of ['transition', 'beaten'] as const) events.on(event, () => this.#wake());
  }

  /** A start of these groups is under way, until the function that is returned is called. */
  expect(names: readonly string[]): () => void {
    const count = (by: number) => {
      for (const name of names) this.#expected.set(name, (this.#expected.get(name) ?? 0) + by);
    };
    count(1);
    return () => {
      count(-1);
      for (const name of names) if (this.#expected.get(name) === 0) this.#expected.delete(name);
      this.#wake();
    };
  }

  /**
   * Refuses a start of groups when one that they come after is missing, or neither runs nor is about to.
   * @param together names of the groups of the same start: their order is its own business
   * @throws ProblemError dependency_not_running
   */
  check(starting: readonly Ordered[], together: readonly string[]): void {
    for (const { name, before } of this.#before(starting, together)) {
      const group = this.#find(before);
      if (group !== undefined && this.#comes(group)) continue;
      const what =
        group === undefined
          ? 'and there is no such group. Register it, or take it out of `after`.'
          : `whose state is "${group.halting === undefined ? group.state : 'stopping'}". Start it first, or start both with POST /v1/start.`;
      throw new ProblemError('dependency_not_running', `Group "${name}" starts after "${before}", ${what}`);
    }
  }

  /**
   * While one of those that these groups come after is being started, or is in one of these states: resolves when that
   * may have changed. Undefined when there is nothing to wait for: whoever acts at once acts on what is so.
   */
  change(
    starting: readonly Ordered[],
    together: readonly string[],
    unsettled: readonly GroupState[] = [],
  ): Promise<void> | undefined {
    const waits = this.#before(starting, together).some(({ before }) => {
      const group = this.#find(before);
      if (group === undefined || group.hasCome) return false;
      return unsettled.includes(group.state) || this.#comes(group);
    });
    return waits ? new Promise<void>((resolve) => this.#waiting.push(resolve)) : undefined;
  }

  /** Whether the group has come, or is about to. */
  #comes(group: Group): boolean {
    return group.hasCome || group.state === 'starting' || this.#expected.has(group.name);
  }

  #before(starting: readonly Ordered[], together: readonly string[]) {
    return starting
      .flatMap(({ name, after }) => after.map((before) => ({ name, before })))
      .filter(({ before }) => !together.includes(before));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
