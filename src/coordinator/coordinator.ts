import { type Clock, secondsSince } from '../clock.js';
import type { GroupPatch, GroupSpec } from '../schemas/group-spec.js';
import type { StopReport } from '../schemas/reports.js';
import type { GroupState, Origin } from '../schemas/states.js';
import { Capacity, type CapacityLimits } from './capacity.js';
import { type CoordinatorEvents, Events } from './events.js';
import { Group, type GroupStopReport } from './group.js';
import type { GroupStore, Kept, Registration } from './group-store.js';
import type { HostFactory } from './host.js';
import { hostLaunch, type LaunchWorld } from './host-launch.js';
import { Ledger } from './ledger.js';
import { Predecessors } from './predecessors.js';
import { Registry } from './registry.js';
import { resumeGroups } from './resume.js';
import { type StartOutcome, superseded } from './start.js';
import { Starts } from './starts.js';
import { stopGroups } from './stop.js';
import { Wishes } from './wishes.js';
import { WorkerIds } from './worker-ids.js';

export interface CoordinatorOptions extends CapacityLimits, LaunchWorld {
  readonly clock: Clock;
  /** 0 to 1, for the jitter of waits. */
  readonly random: () => number;
  readonly createHost: HostFactory;
  /** Where registrations are kept over the end of the service; without one they are in memory alone. */
  readonly store?: GroupStore;
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
  readonly #registry: Registry;
  readonly #capacity: Capacity;
  readonly #predecessors: Predecessors;
  readonly #ledger: Ledger;
  readonly #workerIds: WorkerIds;
  readonly #wishes: Wishes;
  readonly #starts: Starts;
  #closing = false;
  /** The end, once somebody has asked for it: whoever asks again waits for the same. */
  #closed: Promise<StopReport> | undefined;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#capacity = new Capacity(options, () => this.list());
    this.events = new Events(options.onListenerError);
    this.#predecessors = new Predecessors((name) => this.#registry.find(name), this.events);
    this.#ledger = new Ledger(options.store);
    this.#workerIds = new WorkerIds(options.store);
    this.#registry = new Registry({
      maxWorkers: options.maxWorkers,
      ledger: this.#ledger,
      workerIds: this.#workerIds,
      capacity: this.#capacity,
      events: this.events,
      newGroup: (registration) => this.#newGroup(registration),
      resolveModule: options.resolveModule,
      refuseWhenClosing: () => this.#wishes.refuseWhenClosing(),
    });
    const closing = () => this.#closing;
    this.#wishes = new Wishes({
      ledger: this.#ledger,
      events: this.events,
      knows: (group) => this.#registry.knows(group),
      closing,
    });
    this.#starts = new Starts({
      capacity: this.#capacity,
      predecessors: this.#predecessors,
      wishes: this.#wishes,
      closing,
    });
    this.events.on('transition', ({ group: name, to }) => {
      const group = this.#registry.find(name);
      if (to === 'completed' && group !== undefined) void this.#wishes.note([group]);
    });
  }

  /** Whether the service is on its way out and takes no more commands. */
  get closing(): boolean {
    return this.#closing;
  }

  /** The groups in order of registration. */
  list(selection: Selection = {}): Group[] {
    const labels = selection.labels ?? [];
    return this.#registry
      .list()
      .filter(
        (group) =>
          (selection.state === undefined || group.state === selection.state) &&
          labels.every(
            ([key, value]) => Object.hasOwn(group.spec.labels, key) && group.spec.labels[key] === value,
          ),
      );
  }

  /** @throws ProblemError group_not_found */
  get(name: string): Group {
    return this.#registry.get(name);
  }

  /** Takes in what was kept when the service last ended. Before any command; nothing is started. */
  restore(kept: Kept): void {
    this.#registry.restore(kept);
  }

  /**
   * Starts the groups that ran when the service ended, and others that are to start with it. Each failure stands for
   * itself, and is told by the state of its group. Never rejects.
   */
  async resume(startsWithService: (group: Group) => boolean = () => false): Promise<void> {
    // A signal may have come first. Nothing has failed then, and all stays as it was kept.
    if (this.#closing) return;
    const wanted = this.list().filter((group) => {
      const ran = group.desired === 'running' && group.state === 'registered';
      return !group.active && !group.removing && (ran || startsWithService(group));
    });
    const { clock } = this.#options;
    const resumed = resumeGroups(wanted, {
      clock,
      predecessors: this.#predecessors,
      reserve: (starting) => this.#capacity.checkStart(starting),
    });
    await Promise.all([this.#wishes.note(wanted), resumed]);
  }

  /**
   * Registers a group; the same spec again changes nothing.
   * @throws ProblemError group_conflict, invalid_request, module_*, shutting_down, storage_failed
   */
  register(spec: GroupSpec, origin: Origin = 'rest'): Promise<{ group: Group; created: boolean }> {
    return this.#registry.register(spec, origin);
  }

  /**
   * Registers a group or replaces its spec. A group that runs, or should and has failed, is restarted with it.
   * @param begun called when a restart is kept, and begins
   * @throws ProblemError as `register` and `start`
   */
  async replace(
    spec: GroupSpec,
    origin: Origin = 'rest',
    begun?: () => void,
  ): Promise<{ group: Group; created: boolean }> {
    const { group, created, restart } = await this.#registry.replace(spec, origin, {
      check: () => this.#predecessors.check([spec], []),
      begin: (group) => this.#starts.afterItsEnd(group),
    });
    if (restart !== undefined) begun?.();
    await restart?.();
    return { group, created };
  }

  /**
   * Changes fields of a spec. The number of workers changes at once, also of a group that runs: only the difference
   * starts or stops. The other fields take effect at the next start.
   * @param begun called when a change in workers is kept, and begins
   * @throws ProblemError group_not_found, invalid_request, module_*, worker_cap_reached, storage_failed, and what a
   *   start throws when a new worker fails the group
   */
  async patch(name: string, patch: GroupPatch, begun?: () => void): Promise<Group> {
    const { group, scaled } = await this.#registry.patch(name, patch);
    if (scaled !== undefined) begun?.();
    if (scaled !== undefined && !(await scaled.done) && scaled.ticket.valid) await this.#starts.anew(group);
    return group;
  }

  /**
   * Stops a group, then forgets it.
   * @param begun called when the wish is kept, and the stop begins
   * @throws ProblemError group_not_found, shutting_down, storage_failed
   */
  async remove(name: string, begun?: () => void): Promise<StopReport> {
    const group = this.get(name);
    return this.#ledger.commit(
      [name],
      () => {
        this.#wishes.refuseWhenClosing();
        return this.#registry.knows(group) ? [{ name }] : [];
      },
      () => {
        begun?.();
        return this.#reported([group], () => group.remove(() => this.#registry.forget(group)));
      },
    );
  }

  /**
   * Starts one group; resolves when every worker is in its loop.
   * @param begun called when the wish is kept, and the start begins
   * @throws ProblemError
   */
  async start(name: string, begun?: () => void): Promise<Group> {
    const group = this.get(name);
    await this.#starts.one(group, begun);
    return group;
  }

  /** Starts the selected groups together. @throws ProblemError worker_cap_reached, shutting_down */
  async startAll(selection: Selection): Promise<StartOutcome[]> {
    return this.#starts.together(this.list(selection).filter((group) => !group.removing));
  }

  /**
   * Stops a group; resolves when all its workers are dead.
   * @param begun called when the wish is kept, and the stop begins
   * @throws ProblemError group_not_found, shutting_down, storage_failed
   */
  async stop(name: string, begun?: () => void): Promise<StopReport> {
    return this.#stop([this.get(name)], begun);
  }

  /**
   * Asks all selected groups to stop at once, each after those that come after it, then waits for all.
   * @throws ProblemError shutting_down, storage_failed
   */
  async stopAll(selection: Selection): Promise<StopReport> {
    return this.#stop(this.list(selection));
  }

  /**
   * Stops a group, then starts it.
   * @param begun called when the wish is kept, and the stop begins
   * @throws ProblemError as `start`
   */
  async restart(name: string, begun?: () => void): Promise<Group> {
    const group = this.get(name);
    // Before anything is stopped: what could not start again is refused.
    const restart = await this.#wishes.commit(
      [group],
      'running',
      () => this.#starts.afterItsEnd(group),
      () => {
        if (group.removing) throw superseded(group);
        this.#predecessors.check([group.spec], []);
      },
    );
    begun?.();
    await restart();
    return group;
  }

  /**
   * Stops everything and takes no more commands. What is desired stays as it was, and what is kept as well. Nothing is
   * written any more once this has resolved.
   */
  close(): Promise<StopReport> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<StopReport> {
    this.#closing = true;
    this.events.emit('closing', {});
    const report = await this.#reported(this.list(), (group, first) => group.halt(first));
    this.events.emit('closed', { success: report.success, seconds: report.seconds });
    await this.#starts.settled();
    // What a full disk has kept from being written, or undone, may fit by now; the rest is as it is and not written again.
    await this.#wishes.note(this.list());
    // Not given back they are lost, and no harm is done.
    await this.#ledger.close(() => this.#workerIds.giveBack());
    return report;
  }

  /** Kills every host that is left. For a service that has no time left. */
  killAll(why: string): void {
    for (const group of this.list()) group.incarnation?.kill(why);
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

  #newGroup(registration: Registration): Group {
    return new Group(registration, {
      clock: this.#options.clock,
      random: this.#options.random,
      events: this.events,
      createHost: this.#options.createHost,
      closing: () => this.#closing,
      prepare: (spec, workerIds) => hostLaunch(spec, workerIds, this.#options, () => this.list()),
      startAgain: (group, ticket, reason) => this.#starts.again(group, ticket, reason),
    });
  }

  #stop(groups: readonly Group[], begun?: () => void): Promise<StopReport> {
    return this.#wishes.commit(groups, 'stopped', () => {
      begun?.();
      return this.#reported(groups, (group, first) => group.stop(first));
    });
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
