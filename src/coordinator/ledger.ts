import { ProblemError } from '../errors.js';
import type { Change, GroupStore } from './group-store.js';

/** Stands for all registrations together, where a group's name stands for its own. No group can have this name. */
const REGISTRY = '';

/**
 * The order in which changes are made: durable first, then true. Changes of one group take turns, those of different
 * groups do not wait for each other. A turn lasts as long as the write, not as long as the start or stop that follows.
 */
export class Ledger {
  readonly #store: GroupStore | undefined;
  #closed = false;
  /** The end of the last turn that was asked for, by name. */
  readonly #turns = new Map<string, Promise<void>>();

  /** @param store without one nothing is kept, and changes are made at once. */
  constructor(store: GroupStore | undefined) {
    this.#store = store;
  }

  /**
   * Changes groups that exist.
   * @param change what is to be kept; asked when the turn comes, and may throw
   * @param apply makes it true; its promise may last longer than the turn
   * @throws ProblemError storage_failed; nothing was changed then
   */
  async commit<T>(
    names: readonly string[],
    change: () => readonly Change[],
    apply: () => T,
  ): Promise<Awaited<T>> {
    if (this.#store === undefined) {
      change();
      return await apply();
    }
    const { outcome } = await this.#turn(names, async () => {
      await this.write(change());
      return { outcome: apply() };
    });
    return await outcome;
  }

  /** Changes specs: no two of these turns at the same time, whatever the name. */
  register<T>(name: string, body: () => Promise<T>): Promise<T> {
    return this.#turn([REGISTRY, name], body);
  }

  /** Makes the changes durable, all or none. Only in a turn. @throws ProblemError shutting_down, storage_failed */
  async write(changes: readonly Change[]): Promise<void> {
    if (this.#closed) throw shuttingDown();
    if (changes.length > 0) await kept(() => this.#store?.write(changes));
  }

  /**
   * Waits until every turn that was asked for is over, then writes what could be neither written nor undone. From then
   * on nothing is written: the directory may be another service's.
   * @param last what is to be written at the very end; that it fails does no harm
   */
  async close(last: () => Promise<void>): Promise<void> {
    while (this.#turns.size > 0) await Promise.all(this.#turns.values());
    this.#closed = true;
    await Promise.allSettled([this.#store?.settle(), last()]);
  }

  async #turn<T>(names: readonly string[], body: () => Promise<T>): Promise<T> {
    // All names are taken at once: two turns cannot wait for each other.
    const before = names.flatMap((name) => this.#turns.get(name) ?? []);
    const result = before.length === 0 ? body() : Promise.all(before).then(body);
    const over = result.then(
      () => {},
      () => {},
    );
    for (const name of names) this.#turns.set(name, over);
    void over.then(() => {
      for (const name of names) if (this.#turns.get(name) === over) this.#turns.delete(name);
    });
    return result;
  }
}

export function shuttingDown(): ProblemError {
  return new ProblemError('shutting_down', 'The service is shutting down and takes no commands.');
}

/** Runs a write. @throws ProblemError storage_failed */
export async function kept<T>(write: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await write();
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    const detail = `The state directory (PW_STATE_DIR) cannot be written: ${because}. Nothing was changed; make room there or mend it, and ask again.`;
    throw new ProblemError('storage_failed', detail, { cause: error });
  }
}
