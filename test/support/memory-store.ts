import type { Change, GroupStore, Kept, Registration } from '#dist/coordinator/group-store.js';

/** Keeps registrations in memory, each write a turn of the event loop later, and remembers what it was asked. */
export class MemoryStore implements GroupStore {
  readonly kept = new Map<string, Registration>();
  /** Names of the groups in each write, in order. */
  readonly writes: string[][] = [];
  nextWorkerId = 0;
  /** While set, every write waits for it before it takes effect. */
  gate: Promise<void> | undefined;
  /** While set, every write fails with it. */
  failure: Error | undefined;

  async write(changes: readonly Change[]): Promise<void> {
    await this.#turn();
    this.writes.push(changes.map(({ name }) => name));
    for (const { name, registration } of changes) {
      if (registration === undefined) this.kept.delete(name);
      else this.kept.set(name, structuredClone(registration));
    }
  }

  async settle(): Promise<void> {}

  async reserveIds(next: number): Promise<void> {
    await this.#turn();
    this.nextWorkerId = next;
  }

  /** What a service finds that starts now. */
  get(): Kept {
    const registrations = [...this.kept.values()].sort((a, b) => a.order - b.order);
    return { registrations, nextWorkerId: this.nextWorkerId };
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
  }
}
