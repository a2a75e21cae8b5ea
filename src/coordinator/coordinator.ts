import { isDeepStrictEqual } from 'node:util';
import { type Clock, secondsSince } from '../clock.js';
import { type FieldError, ProblemError } from '../errors.js';
import type { HostLaunch } from '../host/protocol.js';
import type { GroupPatch, GroupSpec } from '../schemas/group-spec.js';
import type { StopReport } from '../schemas/reports.js';
import type { GroupState } from '../schemas/states.js';
import { type CoordinatorEvents, Events } from './events.js';
import { Group, type GroupDependencies, type GroupStopReport, type StartTicket } from './group.js';
import type { HostFactory } from './host.js';
import { type StartOutcome, startGroups } from './start.js';

export interface CoordinatorOptions {
  readonly clock: Clock;
  readonly createHost: HostFactory;
  /** Finds a worker module and returns its URL; throws a ProblemError that says what is wrong with the path. */
  readonly resolveModule: (path: string) => Promise<string>;
  /** The most workers that all groups together may have at work. */
  readonly maxWorkers: number;
  /** Where errors of event listeners go. */
  readonly onListenerError: (error: unknown) => void;
}

/** Which groups a list or a bulk command means. All that is given must fit. */
export interface Selection {
  /** Keys and values; a group must have all of them. */
  readonly labels?: readonly (readonly [key: string, value: string])[];
  readonly state?: GroupState;
}

/** All groups, and every command on them. Commands on different groups never wait for each other. */
export class Coordinator {
  readonly events: Events<CoordinatorEvents>;
  readonly #options: CoordinatorOptions;
  readonly #groups = new Map<string, Group>();
  #nextWorkerId = 0;
  #closing = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.events = new Events(options.onListenerError);
  }

  /** Whether the service is on its way out and takes no more commands. */
  get closing(): boolean {
    return this.#closing;
  }

  /** The groups in order of registration. */
  list(selection: Selection = {}): Group[] {
    const labels = selection.labels ?? [];
    return [...this.#groups.values()].filter(
      (group) =>
        (selection.state === undefined || group.state === selection.state) &&
        labels.every(
          ([key, value]) => Object.hasOwn(group.spec.labels, key) && group.spec.labels[key] === value,
        ),
    );
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

  /**
   * Registers a group; the same spec again changes nothing.
   * @throws ProblemError group_conflict, invalid_request, module_*, shutting_down
   */
  async register(spec: GroupSpec): Promise<{ group: Group; created: boolean }> {
    await this.#check(spec);
    await this.#removals(spec.name);
    const existing = this.#groups.get(spec.name);
    if (existing === undefined) return { group: this.#add(spec), created: true };
    if (isDeepStrictEqual(existing.spec, spec)) return { group: existing, created: false };
    const detail = `Group "${spec.name}" is registered with a different spec. Use PUT to replace it, or DELETE it first.`;
    throw new ProblemError('group_conflict', detail);
  }

  /**
   * Registers a group or replaces its spec. A group that runs, or should and has failed, is restarted with it.
   * @throws ProblemError as `register` and `start`
   */
  async replace(spec: GroupSpec): Promise<{ group: Group; created: boolean }> {
    await this.#check(spec);
    await this.#removals(spec.name);
    const group = this.#groups.get(spec.name);
    if (group === undefined) return { group: this.#add(spec), created: true };
    if (isDeepStrictEqual(group.spec, spec) && !group.restartPending) return { group, created: false };
    const shouldRun = group.desired === 'running' && (group.active || group.state === 'failed');
    // Before anything is stopped or changed: what does not fit is refused as a whole.
    if (shouldRun) this.#reserve([group], spec.workers);
    group.replaceSpec(spec);
    if (shouldRun) await this.restart(spec.name);
    return { group, created: false };
  }

  /**
   * Changes fields of a spec. They take effect at the next start.
   * @throws ProblemError group_not_found, group_active, invalid_request, module_*
   */
  async patch(name: string, patch: GroupPatch): Promise<Group> {
    await this.#removals(name);
    const merged = (): GroupSpec => ({ ...this.get(name).spec, ...patch });
    await this.#check(merged());
    const group = this.get(name);
    const spec = merged();
    if (isDeepStrictEqual(spec, group.spec)) return group;
    if (group.active && spec.workers !== group.spec.workers) {
      const detail = `Group "${name}" is ${group.state}: its number of workers changes at rest. Stop it first, or use PUT, which restarts it.`;
      throw new ProblemError('group_active', detail);
    }
    group.replaceSpec(spec);
    return group;
  }

  /** Stops a group, then forgets it. @throws ProblemError group_not_found */
  async remove(name: string): Promise<StopReport> {
    const group = this.get(name);
    return this.#reported([group], () => group.remove(() => this.#forget(group)));
  }

  /** Starts one group; resolves when every worker is in its loop. @throws ProblemError */
  async start(name: string): Promise<Group> {
    const group = this.get(name);
    await this.#startOne(group);
    return group;
  }

  /** Starts the selected groups together. @throws ProblemError worker_cap_reached, shutting_down */
  async startAll(selection: Selection): Promise<StartOutcome[]> {
    return this.#start(this.list(selection).filter((group) => !group.removing));
  }

  /** Stops a group; resolves when all its workers are dead. @throws ProblemError group_not_found */
  async stop(name: string): Promise<StopReport> {
    return this.#reported([this.get(name)], (group) => group.stop());
  }

  /** Asks all selected groups to stop at once, then waits for all. */
  async stopAll(selection: Selection): Promise<StopReport> {
    return this.#reported(this.list(selection), (group) => group.stop());
  }

  /** Stops a group, then starts it. @throws ProblemError as `start` */
  async restart(name: string): Promise<Group> {
    const group = this.get(name);
    const halted = group.halt();
    const ticket = group.want();
    await halted;
    await this.#startOne(group, ticket);
    return group;
  }

  /** Stops everything and takes no more commands. What is desired stays as it was. */
  async close(): Promise<StopReport> {
    this.#closing = true;
    return this.#reported(this.list(), (group) => group.halt());
  }

  /** Kills every host that is left. For a service that has no time left. */
  killAll(why: string): void {
    for (const group of this.#groups.values()) group.incarnation?.kill(why);
  }

  /** Brings the counters up to date; hosts that do not answer within `milliseconds` keep their last report. */
  async refresh(milliseconds: number): Promise<void> {
    const refreshes = this.list().map((group) => group.incarnation?.refresh());
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(milliseconds, resolve);
      void Promise.all(refreshes).then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Waits until no group of this name is being removed. Whoever waits looks again before acting on it. */
  async #removals(name: string): Promise<void> {
    while (this.#groups.get(name)?.removing) await this.#groups.get(name)?.removed;
  }

  #forget(group: Group): void {
    if (this.#groups.get(group.name) === group) this.#groups.delete(group.name);
  }

  #add(spec: GroupSpec): Group {
    this.#refuseWhenClosing();
    const dependencies: GroupDependencies = {
      clock: this.#options.clock,
      events: this.events,
      createHost: this.#options.createHost,
      takeWorkerId: () => this.#nextWorkerId++,
      prepare: (spec, workerIds) => this.#prepare(spec, workerIds),
    };
    const group = new Group(spec, dependencies);
    this.#groups.set(spec.name, group);
    return group;
  }

  async #startOne(group: Group, ticket?: StartTicket): Promise<void> {
    const [outcome] = await this.#start([group], ticket && [ticket]);
    if (outcome?.problem !== undefined) throw outcome.problem;
  }

  async #start(groups: readonly Group[], tickets?: readonly StartTicket[]): Promise<StartOutcome[]> {
    this.#refuseWhenClosing();
    const atRest = groups.filter((group) => !group.active);
    this.#reserve(atRest, workersOf(atRest));
    const wishes = groups.map((group, i) => ({ group, ticket: tickets?.[i] ?? group.want() }));
    return startGroups(wishes, (starting) => this.#reserve(starting, workersOf(starting)));
  }

  /** Refuses when these groups, with so many workers in all, would not fit beside the others that are at work. */
  #reserve(groups: readonly Group[], wanted: number): void {
    this.#refuseWhenClosing();
    const { maxWorkers } = this.#options;
    const others = this.list().filter((group) => group.active && !groups.includes(group));
    const busy = others.reduce((sum, group) => sum + (group.incarnation?.workerIds.length ?? 0), 0);
    if (busy + wanted <= maxWorkers) return;
    const detail = `Starting ${wanted} workers would exceed the cap: ${busy} of ${maxWorkers} are in use. Stop a group, or raise PW_MAX_WORKERS.`;
    throw new ProblemError('worker_cap_reached', detail);
  }

  #refuseWhenClosing(): void {
    if (this.#closing)
      throw new ProblemError('shutting_down', 'The service is shutting down and takes no commands.');
  }

  async #check(spec: GroupSpec): Promise<void> {
    this.#refuseWhenClosing();
    const errors: FieldError[] = [];
    const { maxWorkers } = this.#options;
    if (spec.workers > maxWorkers) {
      errors.push({
        pointer: '/workers',
        detail: `must be at most ${maxWorkers}, the cap of this service (PW_MAX_WORKERS)`,
      });
    }
    if (spec.buckets.some((bound, i) => i > 0 && bound <= (spec.buckets[i - 1] ?? 0))) {
      errors.push({ pointer: '/buckets', detail: 'must be strictly ascending' });
    }
    if (errors.length > 0) {
      const detail = errors.map((error) => `${error.pointer} ${error.detail}`).join('; ');
      throw new ProblemError('invalid_request', detail, { errors });
    }
    await Promise.all([spec.module, ...spec.loggers].map((path) => this.#options.resolveModule(path)));
  }

  async #prepare(spec: GroupSpec, workerIds: readonly number[]): Promise<HostLaunch> {
    const [moduleUrl = '', ...loggerUrls] = await Promise.all(
      [spec.module, ...spec.loggers].map((path) => this.#options.resolveModule(path)),
    );
    const groups = this.list();
    return {
      group: { name: spec.name, workerIds: [...workerIds], labels: spec.labels, params: spec.params },
      coordinator: {
        groups: groups.map(({ name }) => name),
        workerIds: groups.flatMap((group) => group.workerIds),
      },
      moduleUrl,
      loggerUrls,
      logIntervalSeconds: spec.logIntervalSeconds,
      buckets: spec.buckets,
    };
  }

  async #reported(
    stopping: readonly Group[],
    stop: (group: Group) => Promise<GroupStopReport>,
  ): Promise<StopReport> {
    const startedAt = this.#options.clock.now();
    const groups = await Promise.all(stopping.map(stop));
    const seconds = secondsSince(this.#options.clock, startedAt);
    return { success: groups.every(({ success }) => success), seconds, groups };
  }
}

function workersOf(groups: readonly Group[]): number {
  return groups.reduce((sum, group) => sum + group.spec.workers, 0);
}
