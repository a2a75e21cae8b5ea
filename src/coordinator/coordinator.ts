import { isDeepStrictEqual } from 'node:util';
import { type Clock, secondsSince } from '../clock.js';
import { type FieldError, ProblemError } from '../errors.js';
import type { HostLaunch } from '../host/protocol.js';
import type { GroupPatch, GroupSpec } from '../schemas/group-spec.js';
import type { StopReport } from '../schemas/reports.js';
import type { GroupState, RestartReason } from '../schemas/states.js';
import { Capacity, type CapacityLimits } from './capacity.js';
import { type CoordinatorEvents, Events } from './events.js';
import { Group, type GroupStopReport, type GroupWorld } from './group.js';
import type { HostFactory } from './host.js';
import type { StartTicket } from './launch.js';
import { Predecessors } from './predecessors.js';
import { type StartOutcome, startGroups } from './start.js';
import { findCycle } from './start-order.js';
import { stopGroups } from './stop.js';

export interface CoordinatorOptions extends CapacityLimits {
  readonly clock: Clock;
  /** 0 to 1, for the jitter of waits. */
  readonly random: () => number;
  readonly createHost: HostFactory;
  /** Finds a worker module and returns its URL; throws a ProblemError that says what is wrong with the path. */
  readonly resolveModule: (path: string) => Promise<string>;
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
  readonly #capacity: Capacity;
  readonly #predecessors: Predecessors;
  #nextWorkerId = 0;
  #closing = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#capacity = new Capacity(options, () => this.list());
    this.events = new Events(options.onListenerError);
    this.#predecessors = new Predecessors((name) => this.#groups.get(name), this.events);
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
    const runs = group.active || group.state === 'failed' || group.state === 'backoff';
    const shouldRun = group.desired === 'running' && runs;
    // Before anything is stopped or changed: what does not fit is refused as a whole.
    if (shouldRun) {
      this.#reserve([group], spec.workers);
      this.#predecessors.check([spec], []);
    }
    this.#validate(spec);
    this.#capacity.checkSpec(spec);
    group.replaceSpec(spec);
    if (shouldRun) await this.restart(spec.name);
    return { group, created: false };
  }

  /**
   * Changes fields of a spec. The number of workers changes at once, also of a group that runs: only the difference
   * starts or stops. The other fields take effect at the next start.
   * @throws ProblemError group_not_found, invalid_request, module_*, worker_cap_reached, and what a start throws
   *   when a new worker fails the group
   */
  async patch(name: string, patch: GroupPatch): Promise<Group> {
    await this.#removals(name);
    const merged = (): GroupSpec => ({ ...this.get(name).spec, ...patch });
    await this.#check(merged());
    const group = this.get(name);
    const spec = merged();
    if (isDeepStrictEqual(spec, group.spec)) return group;
    const scales = spec.workers !== group.spec.workers;
    if (scales && group.room > 0) this.#reserve([group], spec.workers);
    this.#validate(spec);
    this.#capacity.checkSpec(spec);
    group.replaceSpec(spec);
    const ticket = group.ticket();
    if (scales && !(await group.scale()) && ticket.valid) await this.#startAnew(group);
    return group;
  }

  /** Ends the group, so that a thread which cannot be ended goes with it, and starts it again. */
  async #startAnew(group: Group): Promise<void> {
    const halted = group.halt();
    const ticket = group.want();
    await halted;
    const [outcome] = await startGroups([{ group, ticket }], (starting) =>
      this.#reserve(starting, workersOf(starting)),
    );
    if (outcome?.problem !== undefined) throw outcome.problem;
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

  /** Asks all selected groups to stop at once, each after those that come after it, then waits for all. */
  async stopAll(selection: Selection): Promise<StopReport> {
    return this.#reported(this.list(selection), (group, first) => group.stop(first));
  }

  /** Stops a group, then starts it. @throws ProblemError as `start` */
  async restart(name: string): Promise<Group> {
    const group = this.get(name);
    // Before anything is stopped: what could not start again is refused.
    this.#refuseWhenClosing();
    this.#predecessors.check([group.spec], []);
    const halted = group.halt();
    const ticket = group.want();
    await halted;
    await this.#startOne(group, ticket);
    return group;
  }

  /** Stops everything and takes no more commands. What is desired stays as it was. */
  async close(): Promise<StopReport> {
    this.#closing = true;
    return this.#reported(this.list(), (group, first) => group.halt(first));
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
    this.#validate(spec);
    this.#capacity.checkSpec(spec);
    const world: GroupWorld = {
      clock: this.#options.clock,
      random: this.#options.random,
      events: this.events,
      createHost: this.#options.createHost,
      takeWorkerId: () => this.#nextWorkerId++,
      prepare: (spec, workerIds) => this.#prepare(spec, workerIds),
      startAgain: (group, ticket, reason) => this.#startAgain(group, ticket, reason),
    };
    const group = new Group(spec, world);
    this.#groups.set(spec.name, group);
    return group;
  }

  async #startOne(group: Group, ticket?: StartTicket): Promise<void> {
    const [outcome] = await this.#start([group], ticket && [ticket]);
    if (outcome?.problem === undefined) return;
    const { problem } = outcome;
    const next =
      group.restartAt !== undefined
        ? ` (The restart policy tries again at ${group.restartAt.toISOString()}.)`
        : group.state === 'failed' && group.spec.critical
          ? ' (The group is critical and has failed for good: the service stops everything and ends.)'
          : '';
    throw new ProblemError(problem.code, `${problem.message}${next}`, { cause: problem });
  }

  async #start(groups: readonly Group[], tickets?: readonly StartTicket[]): Promise<StartOutcome[]> {
    const atRest = groups.filter((group) => !group.active);
    this.#reserve(atRest, workersOf(atRest));
    const together = groups.map(({ name }) => name);
    this.#predecessors.check(specsOf(atRest), together);
    const wishes = groups.map((group, i) => ({ group, ticket: tickets?.[i] ?? group.want() }));
    for (const { state, incarnation } of groups) if (state === 'running') incarnation?.startWaiting();
    const arrived = this.#predecessors.expect(together);
    try {
      await this.#predecessors.settled(specsOf(atRest), together, () =>
        wishes.some(({ ticket }) => ticket.valid),
      );
      return await startGroups(wishes, (starting) => {
        this.#reserve(starting, workersOf(starting));
        this.#predecessors.check(specsOf(starting), together);
      });
    } finally {
      arrived();
    }
  }

  /** What the restart policy starts. How it went is told by the group's state. */
  async #startAgain(group: Group, ticket: StartTicket, reason: RestartReason): Promise<void> {
    // Those that it comes after may be on their way back, too; one that was stopped meanwhile is not waited for.
    await this.#predecessors.settled([group.spec], [], () => ticket.valid, ['backoff', 'stopping']);
    if (!ticket.valid || this.#closing) return;
    await startGroups([{ group, ticket }], () => {}, reason);
  }

  #reserve(groups: readonly Group[], wanted: number): void {
    this.#refuseWhenClosing();
    this.#capacity.checkWorkers(groups, wanted);
  }

  #refuseWhenClosing(): void {
    if (this.#closing)
      throw new ProblemError('shutting_down', 'The service is shutting down and takes no commands.');
  }

  /** What can be said of a spec at once: right before it is taken, too, because others are registered meanwhile. */
  #validate(spec: GroupSpec): void {
    this.#refuseWhenClosing();
    const errors: FieldError[] = [];
    const { maxWorkers } = this.#options;
    const others = this.list().filter(({ name }) => name !== spec.name);
    const cycle = findCycle([...others.map((group) => group.spec), spec], spec.name);
    if (cycle !== undefined) {
      const detail = `makes a cycle, in which none could start first: ${cycle.join(' after ')}`;
      errors.push({ pointer: '/after', detail });
    }
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
  }

  async #check(spec: GroupSpec): Promise<void> {
    this.#validate(spec);
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
      intervalSeconds: spec.intervalSeconds,
      maxIterations: spec.maxIterations,
      iterationTimeoutSeconds: spec.iterationTimeoutSeconds,
      heapMb: spec.limits.heapMb,
      rssMb: spec.limits.rssMb,
      nice: spec.nice,
    };
  }

  async #reported(
    stopping: readonly Group[],
    stop: (group: Group, first?: Promise<unknown>) => Promise<GroupStopReport>,
  ): Promise<StopReport> {
    const startedAt = this.#options.clock.now();
    const groups = await stopGroups(stopping, stop);
    const seconds = secondsSince(this.#options.clock, startedAt);
    return { success: groups.every(({ success }) => success), seconds, groups };
  }
}

function workersOf(groups: readonly Group[]): number {
  return groups.reduce((sum, group) => sum + group.spec.workers, 0);
}

function specsOf(groups: readonly Group[]): GroupSpec[] {
  return groups.map(({ spec }) => spec);
}
