import type { Coordinator } from '../coordinator/coordinator.js';
import type { Group } from '../coordinator/group.js';
import { inSteps } from '../coordinator/start-order.js';
import { ProblemError } from '../errors.js';
import type { GroupPatch, GroupSpec } from '../schemas/group-spec.js';
import type { PlannedGroup } from './reload-plan.js';

/** The commands that a reload gives. */
export type ReloadTarget = Pick<Coordinator, 'list' | 'register' | 'replace' | 'patch' | 'remove' | 'start'>;

/** What became of a group. */
export interface Outcome {
  readonly success: boolean;
  /** What there is to say about it; why it failed. */
  readonly reason: string | null;
}

interface Step extends PlannedGroup {
  readonly spec: GroupSpec;
}

/**
 * Does what was planned. What fails with one group stops no other; what is nobody's failure is thrown at the end.
 * @param planned from the groups of `target` as they are at this moment
 * @param options `start: false` starts and restarts nothing: for the start of the service, before its groups start
 */
export async function applyPlan(
  planned: readonly PlannedGroup[],
  target: ReloadTarget,
  { start }: { start: boolean },
): Promise<Map<string, Outcome>> {
  return new Application(planned, target, start).run();
}

class Application {
  readonly #planned: readonly PlannedGroup[];
  readonly #target: ReloadTarget;
  readonly #start: boolean;
  readonly #present: ReadonlyMap<string, Group>;
  readonly #outcomes = new Map<string, Outcome>();
  /** Mistakes of the service's own: no group is to blame for them, and they belong into the log. */
  readonly #unexpected: unknown[] = [];

  constructor(planned: readonly PlannedGroup[], target: ReloadTarget, start: boolean) {
    this.#planned = planned;
    this.#target = target;
    this.#start = start;
    this.#present = new Map(target.list().map((group) => [group.name, group]));
  }

  async run(): Promise<Map<string, Outcome>> {
    for (const { name, action, reason } of this.#planned)
      this.#outcomes.set(name, { success: action !== 'conflict', reason });
    // First what makes room: names, workers, and the order of those that stay.
    await this.#remove();
    await this.#loosen();
    const changed = this.#with('changed');
    await this.#all(
      changed.filter((group) => !this.#grows(group)),
      (group) => this.#change(group),
    );
    // One after the other, so that they are registered in the order of the file.
    for (const group of this.#with('created')) await this.#one(group, () => this.#create(group));
    await this.#startInSteps();
    await this.#all(
      changed.filter((group) => this.#grows(group)),
      (group) => this.#change(group),
    );
    const [unexpected] = this.#unexpected;
    if (unexpected !== undefined) throw unexpected;
    return this.#outcomes;
  }

  /** Stops and forgets, those first that come after others. */
  async #remove(): Promise<void> {
    const gone = this.#planned.flatMap((group) => {
      const after = this.#present.get(group.name)?.spec.after;
      return group.action === 'removed' && after !== undefined ? [{ ...group, after }] : [];
    });
    for (const step of inSteps(gone).reverse()) {
      await this.#all(step, async ({ name }) => {
        this.#expectPresent(name);
        const [report] = (await this.#target.remove(name)).groups;
        return report?.reason ?? null;
      });
    }
  }

  /**
   * Takes out of `after` what will not be in it any more, before anything new gets into it: on the way from one order
   * without cycles to another there could be one otherwise.
   */
  async #loosen(): Promise<void> {
    const steps = [...this.#with('changed'), ...this.#with('restarted')];
    const adds = ({ name, spec }: Step) =>
      spec.after.some((other) => this.#present.get(name)?.spec.after.includes(other) !== true);
    if (![...steps, ...this.#with('created')].some(adds)) return;
    for (const { name, spec } of steps) {
      const before = this.#present.get(name)?.spec.after ?? [];
      const after = before.filter((other) => spec.after.includes(other));
      // When it fails, so will the change itself, and that is told.
      if (after.length < before.length && this.#isPresent(name))
        await this.#target.patch(name, { after }).catch(() => {});
    }
  }

  async #create({ name, spec }: Step): Promise<null> {
    const { created, group } = await this.#target.register(spec, 'file');
    if (!created && group.origin !== 'file')
      throw new ProblemError('group_conflict', `Group "${name}" was registered over REST meanwhile.`);
    return null;
  }

  async #change({ name, spec, changes }: Step): Promise<null> {
    this.#expectPresent(name);
    const patch = Object.fromEntries(changes.map((field) => [field, spec[field]])) as GroupPatch;
    await this.#target.patch(name, patch);
    return null;
  }

  /** Restarts, and starts what is new: each when those that it comes after have come. */
  async #startInSteps(): Promise<void> {
    const restarted = this.#with('restarted');
    const created = this.#with('created').filter(
      ({ name, starts }) => starts && this.#start && this.#outcomes.get(name)?.success === true,
    );
    const wanted = [...restarted, ...created].map((group) => ({ ...group, after: group.spec.after }));
    for (const step of inSteps(wanted)) {
      const start = async ({ name, spec, action }: Step): Promise<null> => {
        if (action === 'created') await this.#target.start(name);
        else {
          this.#expectPresent(name);
          await this.#target.replace(spec, 'file');
        }
        return null;
      };
      await this.#all(
        step.filter((group) => !this.#grows(group)),
        start,
      );
      await this.#all(
        step.filter((group) => this.#grows(group)),
        start,
      );
    }
  }

  #with(action: PlannedGroup['action']): Step[] {
    return this.#planned.filter(
      (group): group is Step => group.action === action && group.spec !== undefined,
    );
  }

  /** Whether it needs room that others may have to leave first. */
  #grows({ name, spec }: Step): boolean {
    return spec.workers > (this.#present.get(name)?.spec.workers ?? 0);
  }

  async #all<T extends { readonly name: string }>(
    groups: readonly T[],
    act: (group: T) => Promise<string | null>,
  ): Promise<void> {
    await Promise.all(groups.map((group) => this.#one(group, () => act(group))));
  }

  async #one({ name }: { readonly name: string }, act: () => Promise<string | null>): Promise<void> {
    try {
      this.#outcomes.set(name, { success: true, reason: await act() });
    } catch (error) {
      if (!(error instanceof ProblemError)) this.#unexpected.push(error);
      this.#outcomes.set(name, { success: false, reason: (error as Error).message });
    }
  }

  #isPresent(name: string): boolean {
    return this.#target.list().some((group) => group.name === name && group === this.#present.get(name));
  }

  /** A group that was deleted meanwhile, and perhaps registered again, is another one. */
  #expectPresent(name: string): void {
    if (this.#isPresent(name)) return;
    throw new ProblemError('group_not_found', `Group "${name}" was deleted meanwhile. Reload again.`);
  }
}
