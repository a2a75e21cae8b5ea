import type { CoordinatorEvents, Events } from './events.js';
import type { Group } from './group.js';
import type { Change } from './group-store.js';
import { type Ledger, shuttingDown } from './ledger.js';

export interface WishesWorld {
  readonly ledger: Ledger;
  readonly events: Events<CoordinatorEvents>;
  /** Whether what this object stands for is still registered. */
  readonly knows: (group: Group) => boolean;
  readonly closing: () => boolean;
}

/** What users want of groups, as it is kept: written first, then true. */
export class Wishes {
  readonly #world: WishesWorld;

  constructor(world: WishesWorld) {
    this.#world = world;
  }

  /**
   * Keeps that the groups are to run, or to rest, and then makes it true.
   * @param check asked when the turn of these groups has come; throws why not
   * @throws ProblemError shutting_down, storage_failed, and what `check` throws; nothing has changed then
   */
  commit<T>(
    groups: readonly Group[],
    desired: 'running' | 'stopped',
    apply: () => T,
    check: () => void = () => {},
  ): Promise<Awaited<T>> {
    return this.#world.ledger.commit(
      namesOf(groups),
      () => {
        this.refuseWhenClosing();
        check();
        const state = desired === 'running' ? { desired, completed: false } : { desired };
        return this.#changes(groups, state);
      },
      apply,
    );
  }

  /** Writes what has become of the groups by itself. Should that fail, nobody is there to be told but the log. */
  async note(groups: readonly Group[]): Promise<void> {
    const { ledger, events } = this.#world;
    await ledger
      .commit(
        namesOf(groups),
        () => this.#changes(groups, {}),
        () => {},
      )
      .catch((error: unknown) => events.emit('notKept', { groups: namesOf(groups), error }));
  }

  /** @throws ProblemError shutting_down */
  refuseWhenClosing(): void {
    if (this.#world.closing()) throw shuttingDown();
  }

  /** Those that are gone are left out. */
  #changes(groups: readonly Group[], state: Parameters<Group['registration']>[0]): Change[] {
    return groups
      .filter((group) => this.#world.knows(group))
      .map((group) => ({ name: group.name, registration: group.registration(state) }));
  }
}

function namesOf(groups: readonly Group[]): string[] {
  return groups.map(({ name }) => name);
}
