import { isDeepStrictEqual } from 'node:util';
import { type FieldError, ProblemError } from '../errors.js';
import type { GroupPatch, GroupSpec } from '../schemas/group-spec.js';
import type { Origin } from '../schemas/states.js';
import type { Capacity } from './capacity.js';
import type { CoordinatorEvents, Events } from './events.js';
import type { Group } from './group.js';
import type { Kept, Registration } from './group-store.js';
import type { StartTicket } from './launch.js';
import { kept, type Ledger } from './ledger.js';
import { cycleMistake, specMistakes } from './spec-rules.js';
import { findCycle } from './start-order.js';
import type { WorkerIds } from './worker-ids.js';

/** What the registry needs of the world around it. */
export interface RegistryWorld {
  readonly maxWorkers: number;
  readonly ledger: Ledger;
  readonly workerIds: WorkerIds;
  readonly capacity: Capacity;
  readonly events: Events<CoordinatorEvents>;
  readonly newGroup: (registration: Registration) => Group;
  /** Finds a worker module, or throws a ProblemError that says what is wrong with the path. */
  readonly resolveModule: (path: string) => Promise<unknown>;
  /** @throws ProblemError shutting_down */
  readonly refuseWhenClosing: () => void;
}

/** What a spec that replaces another does to a group that should run. */
export interface Restarts<T> {
  /** Whether it may run with this spec. Throws the ProblemError that says why not; nothing has changed then. */
  readonly check: (spec: GroupSpec) => void;
  /** Begins the restart, in the turn of the change. */
  readonly begin: (group: Group) => T;
}

/** What has become of a PUT in its turn. */
export interface Replaced<T> {
  readonly group: Group;
  readonly created: boolean;
  /** What began the restart, where there is one. */
  readonly restart?: T;
}

/** What has become of a PATCH in its turn. */
export interface Patched {
  readonly group: Group;
  /** The change in the number of workers, where there is one. */
  readonly scaled?: { readonly ticket: StartTicket; readonly done: Promise<boolean> };
}

/** Which groups there are, and with what specs: every change of that, one after the other. */
export class Registry {
  readonly #world: RegistryWorld;
  readonly #groups = new Map<string, Group>();
  #nextOrder = 0;

  constructor(world: RegistryWorld) {
    this.#world = world;
  }

  /** The groups in order of registration. */
  list(): Group[] {
    return [...this.#groups.values()];
  }

  find(name: string): Group | undefined {
    return this.#groups.get(name);
  }

  /** @throws ProblemError group_not_found */
  get(name: string): Group {
    const group = this.#groups.get(name);
    if (group !== undefined) return group;
    throw new ProblemError(
      'group_not_found',
      `There is no group "${name}". GET /v1/groups lists those that exist.`,
    );
  }

  /** Takes in what was kept when the service last ended. Before any command; nothing is started. */
  restore({ registrations, nextWorkerId }: Kept): void {
    for (const registration of registrations) {
      this.#insert(registration);
      this.#nextOrder = Math.max(this.#nextOrder, registration.order + 1);
    }
    this.#world.workerIds.restore(nextWorkerId);
  }

  /**
   * Registers a group; the same spec again changes nothing.
   * @throws ProblemError group_conflict, invalid_request, module_*, shutting_down, storage_failed
   */
  async register(spec: GroupSpec, origin: Origin): Promise<{ group: Group; created: boolean }> {
    await this.#check(spec);
    return this.#changing(spec.name, async () => {
      const existing = this.#groups.get(spec.name);
      if (existing === undefined) return { group: await this.#add(spec, origin), created: true };
      if (isDeepStrictEqual(existing.spec, spec)) return { group: existing, created: false };
      const detail = `Group "${spec.name}" is registered with a different spec. Use PUT to replace it, or DELETE it first.`;
      throw new ProblemError('group_conflict', detail);
    });
  }

  /**
   * Registers a group or replaces its spec.
   * @throws ProblemError as `register`, and what `restarts` throw
   */
  async replace<T>(spec: GroupSpec, origin: Origin, restarts: Restarts<T>): Promise<Replaced<T>> {
    await this.#check(spec);
    return this.#changing<Replaced<T>>(spec.name, async () => {
      const group = this.#groups.get(spec.name);
      if (group === undefined) return { group: await this.#add(spec, origin), created: true };
      if (isDeepStrictEqual(group.spec, spec) && !group.restartPending) return { group, created: false };
      // Before anything is stopped or changed: what does not fit is refused as a whole.
      if (group.shouldRun) {
        this.#world.capacity.checkWorkers([group], spec.workers);
        restarts.check(spec);
      }
      await this.#respec(group, spec);
      // Asked again: a start that was wanted before may have begun meanwhile, with the old spec.
      return { group, created: false, ...(group.shouldRun && { restart: restarts.begin(group) }) };
    });
  }

  /**
   * Changes fields of a spec. A change of the number of workers begins at once, also of a group that runs.
   * @throws ProblemError group_not_found, invalid_request, module_*, worker_cap_reached, shutting_down, storage_failed
   */
  async patch(name: string, patch: GroupPatch): Promise<Patched> {
    await this.#removals(name);
    const merged = (): GroupSpec => ({ ...this.get(name).spec, ...patch });
    await this.#check(merged());
    return this.#changing<Patched>(name, async () => {
      const group = this.get(name);
      const spec = merged();
      if (isDeepStrictEqual(spec, group.spec)) return { group };
      const scales = spec.workers !== group.spec.workers;
      if (scales && group.room > 0) this.#world.capacity.checkWorkers([group], spec.workers);
      await this.#respec(group, spec);
      return { group, ...(scales && { scaled: { ticket: group.ticket(), done: group.scale() } }) };
    });
  }

  /** Whether what this object stands for is still registered. */
  knows(group: Group): boolean {
    return this.#groups.get(group.name) === group && !group.removing;
  }

  /** The group is dead and goes. */
  forget(group: Group): void {
    if (this.#groups.get(group.name) !== group) return;
    this.#groups.delete(group.name);
    this.#world.events.emit('deleted', { group: group.name });
  }

  /** Waits until no group of this name is being removed. Whoever waits looks again before acting on it. */
  async #removals(name: string): Promise<void> {
    while (this.#groups.get(name)?.removing) await this.#groups.get(name)?.removed;
  }

  /** Runs a change of specs when its turn has come, and no group of this name is being removed. */
  async #changing<T>(name: string, change: () => Promise<T>): Promise<T> {
    for (;;) {
      await this.#removals(name);
      const changed = await this.#world.ledger.register(name, async () =>
        this.#groups.get(name)?.removing ? undefined : { value: await change() },
      );
      if (changed !== undefined) return changed.value;
    }
  }

  /** Registers a group that is new. Only in its turn. */
  async #add(spec: GroupSpec, origin: Origin): Promise<Group> {
    this.#validate(spec);
    this.#world.capacity.checkSpec(spec);
    const workerIds = await this.#takeIds(spec.workers);
    const order = this.#nextOrder;
    const state = { desired: 'stopped', completed: false } as const;
    const registration: Registration = { spec, workerIds, order, origin, ...state };
    await this.#world.ledger.write([{ name: spec.name, registration }]);
    this.#nextOrder++;
    const group = this.#insert(registration);
    this.#world.events.emit('registered', { group: spec.name });
    return group;
  }

  /** Gives a group another spec. Only in its turn. */
  async #respec(group: Group, spec: GroupSpec): Promise<void> {
    this.#validate(spec);
    this.#world.capacity.checkSpec(spec);
    await this.#world.capacity.whileGrowing(group, spec.workers, async () => {
      const ids = group.plannedIds.slice(0, spec.workers);
      if (ids.length < spec.workers) ids.push(...(await this.#takeIds(spec.workers - ids.length)));
      const registration = group.registration({ spec, workerIds: ids });
      await this.#world.ledger.write([{ name: group.name, registration }]);
      group.replaceSpec(spec, ids);
      this.#world.events.emit('changed', { group: group.name });
    });
  }

  async #takeIds(count: number): Promise<number[]> {
    return (await kept(() => this.#world.workerIds.take(count))) ?? [];
  }

  #insert(registration: Registration): Group {
    const group = this.#world.newGroup(registration);
    this.#groups.set(group.name, group);
    return group;
  }

  /** What can be said of a spec at once: right before it is taken, too, because others are registered meanwhile. */
  #validate(spec: GroupSpec): void {
    this.#world.refuseWhenClosing();
    const errors: FieldError[] = [];
    const others = this.list().filter(({ name }) => name !== spec.name);
    const cycle = findCycle([...others.map((group) => group.spec), spec], spec.name);
    if (cycle !== undefined) {
      errors.push({ pointer: '/after', detail: cycleMistake(cycle) });
    }
    errors.push(...specMistakes(spec, this.#world.maxWorkers));
    if (errors.length > 0) {
      const detail = errors.map((error) => `${error.pointer} ${error.detail}`).join('; ');
      throw new ProblemError('invalid_request', detail, { errors });
    }
  }

  async #check(spec: GroupSpec): Promise<void> {
    this.#validate(spec);
    await Promise.all([spec.module, ...spec.loggers].map((path) => this.#world.resolveModule(path)));
  }
}
