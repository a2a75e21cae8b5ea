import { ProblemError } from '../errors.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { Group } from './group.js';

export interface CapacityLimits {
  /** The most workers that all groups together may have at work. */
  readonly maxWorkers: number;
  /** The most groups that may be registered. */
  readonly maxGroups: number;
}

/**
 * What the specs of all groups together may take, as JSON: GET /v1/groups answers with all of them, and writing that
 * out holds up everybody else. 12 MiB of small objects took 140 to 180 ms of two cores' Node 20.
 */
const MAX_SPEC_BYTES = 4 * 1024 * 1024;

/** What the service has room for. */
export class Capacity {
  readonly #limits: CapacityLimits;
  readonly #groups: () => readonly Group[];
  /** Workers that a group is about to have by its spec, while that is written. */
  readonly #growing = new Map<Group, number>();
  readonly #bytes = new WeakMap<GroupSpec, number>();

  constructor(limits: CapacityLimits, groups: () => readonly Group[]) {
    this.#limits = limits;
    this.#groups = groups;
  }

  /** Until `change` has settled the group counts with as many workers, should it start meanwhile. */
  async whileGrowing<T>(group: Group, workers: number, change: () => Promise<T>): Promise<T> {
    this.#growing.set(group, workers);
    try {
      return await change();
    } finally {
      this.#growing.delete(group);
    }
  }

  /** Refuses a start of these groups when there is no room for them. @throws ProblemError worker_cap_reached */
  checkStart(groups: readonly Group[]): void {
    const wanted = groups.reduce((sum, group) => sum + this.#atLeast(group, group.spec.workers), 0);
    this.checkWorkers(groups, wanted);
  }

  /**
   * Refuses when these groups, with so many workers in all, would not fit beside the others that are at work.
   * @throws ProblemError worker_cap_reached
   */
  checkWorkers(groups: readonly Group[], wanted: number): void {
    const { maxWorkers } = this.#limits;
    const others = this.#groups().filter((group) => !groups.includes(group));
    const busy = others.reduce(
      (sum, group) => sum + (group.room > 0 ? this.#atLeast(group, group.room) : 0),
      0,
    );
    if (busy + wanted <= maxWorkers) return;
    const detail = `Starting ${wanted} workers would exceed the cap: ${busy} of ${maxWorkers} are in use. Stop a group, or raise PW_MAX_WORKERS.`;
    throw new ProblemError('worker_cap_reached', detail);
  }

  /**
   * Refuses a spec, of a new group or in place of an old one, that there is no room for.
   * @throws ProblemError group_cap_reached
   */
  checkSpec(spec: GroupSpec): void {
    const { maxGroups } = this.#limits;
    const others = this.#groups().filter(({ name }) => name !== spec.name);
    if (others.length >= maxGroups) {
      const detail = `${others.length} of ${maxGroups} groups are registered. Delete one, or raise PW_MAX_GROUPS.`;
      throw new ProblemError('group_cap_reached', detail);
    }
    const taken = others.reduce((sum, group) => sum + this.#bytesOf(group.spec), 0);
    const wanted = this.#bytesOf(spec);
    if (taken + wanted <= MAX_SPEC_BYTES) return;
    const detail = `This spec has ${wanted} bytes, and those of the other groups have ${taken}; together they may have ${MAX_SPEC_BYTES}. Put large data into files that the workers read.`;
    throw new ProblemError('group_cap_reached', detail);
  }

  #atLeast(group: Group, workers: number): number {
    return Math.max(workers, this.#growing.get(group) ?? 0);
  }

  #bytesOf(spec: GroupSpec): number {
    const known = this.#bytes.get(spec);
    if (known !== undefined) return known;
    const bytes = Buffer.byteLength(JSON.stringify(spec));
    this.#bytes.set(spec, bytes);
    return bytes;
  }
}
