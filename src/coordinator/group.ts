import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.js';
import { deferred } from '../deferred.js';
import type { ProblemError } from '../errors.js';
import type { HostLaunch } from '../host/protocol.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { StopReport } from '../schemas/reports.js';
import type { DesiredState, GroupState, WorkerState } from '../schemas/states.js';
import type { Counters } from './counters.js';
import type { Ending } from './ending.js';
import type { CoordinatorEvents, Events } from './events.js';
import { GroupWorkers, type WorkerStatus } from './group-workers.js';
import type { HostFactory } from './host.js';
import { Incarnation } from './incarnation.js';
import { type GroupEvent, isActive, nextGroupState } from './state.js';

/** What a group needs of the world around it. */
export interface GroupDependencies {
  readonly clock: Clock;
  readonly events: Events<CoordinatorEvents>;
  readonly createHost: HostFactory;
  /** Takes the next worker id of the service. */
  readonly takeWorkerId: () => number;
  /** Finds the group's modules and puts together what its host has to know. */
  readonly prepare: (spec: GroupSpec, workerIds: readonly number[]) => Promise<HostLaunch>;
}

/** How the stop of one group went. */
export type GroupStopReport = StopReport['groups'][number];

/**
 * A wish to start. It holds until a later stop, restart, replacement or removal of the group: whoever waits asks
 * it before acting.
 */
export interface StartTicket {
  readonly valid: boolean;
}

/**
 * One registered group: its spec, what the user wants of it, what is, and all that its workers have counted. At
 * most one incarnation lives at a time; every change of state goes through the transition table.
 */
export class Group {
  readonly name: string;
  readonly #deps: GroupDependencies;
  readonly #removed = deferred<void>();
  #spec: GroupSpec;
  #state: GroupState = 'registered';
  #since: Date;
  #reason: string | null = null;
  #desired: DesiredState = 'stopped';
  #incarnation: Incarnation | undefined;
  readonly #workers: GroupWorkers;
  #cpuSeconds = 0;
  #killedTotal = 0;
  /** Goes up with each command that beats the starts before it. */
  #epoch = 0;
  #removing = false;

  constructor(spec: GroupSpec, deps: GroupDependencies) {
    this.name = spec.name;
    this.#spec = spec;
    this.#deps = deps;
    this.#since = deps.clock.date();
    this.#workers = new GroupWorkers(deps.takeWorkerId, spec.workers, spec.buckets);
  }

  get spec(): GroupSpec {
    return this.#spec;
  }
  get state(): GroupState {
    return this.#state;
  }
  /** When the present state was entered. */
  get since(): Date {
    return this.#since;
  }
  /** Why the group is in this state, where there is something to say. */
  get reason(): string | null {
    return this.#reason;
  }
  get desired(): DesiredState {
    return this.#desired;
  }
  get active(): boolean {
    return isActive(this.#state);
  }
  get removing(): boolean {
    return this.#removing;
  }
  /** Whether the spec has changed since the present incarnation started: the change waits for the next. */
  get restartPending(): boolean {
    const running = this.#incarnation?.spec ?? this.#spec;
    return running !== this.#spec && !isDeepStrictEqual(running, this.#spec);
  }
  /** Resolves when the group is dead and forgotten. */
  get removed(): Promise<void> {
    return this.#removed.promise;
  }
  get incarnation(): Incarnation | undefined {
    return this.#incarnation;
  }
  get workerIds(): number[] {
    return this.#workers.ids;
  }
  /** Workers that were killed because they did not stop. */
  get killedTotal(): number {
    return this.#killedTotal;
  }
  /** Upper bounds of the group's histogram, in seconds. */
  get bounds(): readonly number[] {
    return this.#workers.bounds;
  }
  /** Processor time of the group's hosts, in seconds. */
  get cpuSeconds(): number {
    return this.#cpuSeconds + (this.#incarnation?.report?.cpuSeconds ?? 0);
  }
  /** Resident memory of the group's host in bytes; 0 without one. */
  get memoryBytes(): number {
    return this.#incarnation?.report?.rssBytes ?? 0;
  }

  workers(): WorkerStatus[] {
    return this.#workers.statuses(this.#incarnation?.report, (id, left) => this.#workerState(id, left));
  }

  /** The counters of all workers that the group has had. */
  totals(): Counters {
    return this.#workers.totals(this.#incarnation?.report);
  }

  /** The user wants the group to run: a wish that later commands can beat. */
  want(): StartTicket {
    this.#desired = 'running';
    return this.#ticket();
  }

  #ticket(): StartTicket {
    const group = this;
    const epoch = this.#epoch;
    return {
      get valid() {
        return group.#epoch === epoch && !group.#removing;
      },
    };
  }

  /** Begins a new incarnation. Only at rest. */
  launch(): Incarnation {
    if (this.#incarnation !== undefined) throw new Error(`group ${this.name} has an incarnation already`);
    const spec = this.#spec;
    const { workerIds } = this;
    const incarnation: Incarnation = new Incarnation({
      spec,
      workerIds,
      clock: this.#deps.clock,
      createHost: this.#deps.createHost,
      prepare: () => this.#deps.prepare(spec, workerIds),
      listener: {
        ending: (cause) => this.#move('stop', 'problem' in cause ? cause.problem.message : null),
        ended: (ending) => this.#onEnded(incarnation, ending),
        running: () => this.#move('running', null),
        message: (message) => this.#deps.events.emit('message', { group: this.name, message }),
      },
    });
    this.#incarnation = incarnation;
    this.#move('start', null);
    return incarnation;
  }

  /** Stops the group, beats every start that is under way, and reports when all are dead. */
  stop(): Promise<GroupStopReport> {
    this.#desired = 'stopped';
    return this.halt();
  }

  /** The same without a change of what is desired: for restarts and for the end of the service. */
  async halt(): Promise<GroupStopReport> {
    this.#epoch++;
    const { name } = this;
    this.#incarnation?.end({ kind: 'stop' });
    const ending = await this.#incarnation?.ended;
    if (ending === undefined) return { name, success: true, killed: [], seconds: 0, reason: null };
    const { success, killed, seconds, reason } = ending;
    return { name, success, killed: [...killed], seconds, reason };
  }

  /** A start that this incarnation was part of has failed elsewhere: it ends, unless it has already. */
  rollBack(incarnation: Incarnation, problem: ProblemError): void {
    // After its death somebody may have started the group anew, which is no business of the start that failed.
    if (this.#incarnation !== incarnation) return;
    // One that ends already does so for a reason of its own.
    if (incarnation.cause === undefined) this.#desired = 'stopped';
    incarnation.end({ kind: 'rollback', problem });
  }

  /** Takes another spec, which the next incarnation will run. */
  replaceSpec(spec: GroupSpec): void {
    this.#spec = spec;
    if (!this.active) this.#workers.resize(spec.workers, spec.buckets);
  }

  /** Stops the group for good; `forget` is called when it is dead. */
  async remove(forget: () => void): Promise<GroupStopReport> {
    this.#removing = true;
    const report = await this.stop();
    forget();
    this.#removed.resolve();
    return report;
  }

  #move(event: GroupEvent, reason: string | null): void {
    const from = this.#state;
    const to = nextGroupState(from, event);
    if (to === undefined)
      throw new Error(`group ${this.name}: no transition for "${event}" in state "${from}"`);
    this.#state = to;
    this.#since = this.#deps.clock.date();
    this.#reason = reason;
    this.#deps.events.emit('transition', { group: this.name, from, to, reason });
  }

  #onEnded(incarnation: Incarnation, ending: Ending): void {
    const { report } = incarnation;
    const died = ending.cause.kind === 'failure' && ending.cause.problem.code === 'host_failed';
    this.#workers.fold(report, (id) => incarnation.mark(id) ?? (died ? 'failed' : 'stopped'));
    this.#workers.resize(this.#spec.workers, this.#spec.buckets);
    this.#cpuSeconds += report?.cpuSeconds ?? 0;
    this.#killedTotal += ending.killed.length;
    this.#incarnation = undefined;
    this.#move(ending.outcome, ending.reason);
    this.#deps.events.emit('ended', { group: this.name, ending });
  }

  #workerState(id: number, left: WorkerState): WorkerState {
    const state = this.#state;
    return (
      this.#incarnation?.mark(id) ??
      (state === 'starting' || state === 'running' || state === 'stopping' ? state : left)
    );
  }
}
