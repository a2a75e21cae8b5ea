import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.js';
import { deferred } from '../deferred.js';
import type { ProblemError } from '../errors.js';
import type { HostMessage } from '../host/host-message.js';
import type { HostLaunch } from '../host/protocol.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { StopReport } from '../schemas/reports.js';
import type { DesiredState, GroupState, Origin, RestartReason } from '../schemas/states.js';
import type { Counters } from './counters.js';
import { Desire } from './desire.js';
import { type Ending, type Failure, problemOf } from './ending.js';
import type { CoordinatorEvents, Events } from './events.js';
import { addFeedCounters, type FeedCounters, foldFeed, NO_FEED_COUNTERS } from './feed-counters.js';
import { GroupRecord } from './group-record.js';
import { describeEnd, GroupRestart } from './group-restart.js';
import type { Registration } from './group-store.js';
import { GroupWorkers, type WorkerStatus } from './group-workers.js';
import type { HostFactory } from './host.js';
import { Incarnation } from './incarnation.js';
import type { Launch, StartTicket } from './launch.js';
import { type GroupEvent, isActive, nextGroupState } from './state.js';

/** What a group needs of the world around it. */
export interface GroupWorld {
  readonly clock: Clock;
  /** 0 to 1, for the jitter of waits. */
  readonly random: () => number;
  readonly events: Events<CoordinatorEvents>;
  readonly createHost: HostFactory;
  /** Finds the group's modules and puts together what its host has to know. */
  readonly prepare: (spec: GroupSpec, workerIds: readonly number[]) => Promise<HostLaunch>;
  /** Whether the service is on its way out: that beats every start. */
  readonly closing: () => boolean;
  /** Starts the group by itself, when its wait is over. Never rejects. */
  readonly startAgain: (group: Group, ticket: StartTicket, reason: RestartReason) => Promise<void>;
}

/** How the stop of one group went. */
export type GroupStopReport = StopReport['groups'][number];

/**
 * One registered group: its spec, what the user wants of it, what is, and all that its workers have counted. At
 * most one incarnation lives at a time; every change of state goes through the transition table.
 */
export class Group {
  readonly name: string;
  /** What has happened to it since it was registered. */
  readonly record = new GroupRecord();
  readonly #world: GroupWorld;
  readonly #workers: GroupWorkers;
  readonly #restart: GroupRestart;
  readonly #removed = deferred<void>();
  /** Where it was registered. */
  readonly origin: Origin;
  readonly #order: number;
  #spec: GroupSpec;
  /** Ids that the workers have, or will have in a moment, by index. */
  #plannedIds: readonly number[];
  #state: GroupState;
  #since: Date;
  #reason: string | null = null;
  readonly #desire: Desire;
  /** It has done its work, and nobody has asked for more since. */
  #done: boolean;
  #incarnation: Incarnation | undefined;
  #cpuSeconds = 0;
  #feed: FeedCounters = NO_FEED_COUNTERS;
  /** Goes up with each command that beats the starts before it. */
  #epoch = 0;
  #removing = false;
  /** Stops that wait for the groups that have to end before this one. */
  readonly #pendingStops = new Set<Promise<unknown>>();
  /** What the present life, or the last one, began with. */
  #launch: Launch | undefined;
  #scaling: Promise<unknown> = Promise.resolve();

  constructor(registration: Registration, world: GroupWorld) {
    const { spec, workerIds, completed } = registration;
    this.name = spec.name;
    this.origin = registration.origin;
    this.#order = registration.order;
    this.#spec = spec;
    this.#plannedIds = workerIds;
    this.#desire = new Desire(registration.desired, (desired) =>
      world.events.emit('desired', { group: this.name, desired }),
    );
    this.#done = completed;
    this.#state = completed ? 'completed' : 'registered';
    this.#world = world;
    this.#since = world.clock.date();
    this.#restart = new GroupRestart(world.clock, world.random);
    this.#workers = new GroupWorkers(workerIds, spec.buckets);
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
    if (this.#state !== 'running') return this.#reason;
    if (this.#incarnation?.draining === true)
      return 'All workers have finished; what waits in the feed is still to be taken';
    const workers = this.workers();
    const waiting = workers.filter(({ restartAt }) => restartAt !== undefined).length;
    return waiting === 0 ? null : `${waiting} of ${workers.length} workers wait for their next start`;
  }
  get desired(): DesiredState {
    return this.#desire.present;
  }
  get active(): boolean {
    return isActive(this.#state);
  }
  /** Whether it is to be restarted when it gets another spec: it should run and does, will in a moment, or has failed. */
  get shouldRun(): boolean {
    return (
      this.desired === 'running' && (this.active || this.#state === 'failed' || this.#state === 'backoff')
    );
  }
  /** Whether it starts with the service though it did not run when that ended. What has done its work does not. */
  get startsWithService(): boolean {
    return this.#spec.autostart && this.#state !== 'completed';
  }
  /** How many workers it needs room for: at work, or about to be. */
  get room(): number {
    if (this.#incarnation === undefined) return this.#state === 'backoff' ? this.#spec.workers : 0;
    // A change of their number may still be under way.
    return Math.max(this.#incarnation.workerIds.length, this.#spec.workers);
  }
  /** When it starts again by itself, while it waits for that. */
  get restartAt(): Date | undefined {
    return this.#restart.at;
  }
  get removing(): boolean {
    return this.#removing;
  }
  /** Whether groups that come after it may start. */
  get hasCome(): boolean {
    return this.halting === undefined && (this.#state === 'running' || this.#state === 'completed');
  }
  /** Resolves when the end that is under way, or that waits for other groups, has come; undefined without one. */
  get halting(): Promise<unknown> | undefined {
    if (this.#pendingStops.size > 0) return Promise.all(this.#pendingStops);
    return this.#state === 'stopping' ? this.#incarnation?.ended : undefined;
  }
  /** Whether the spec has changed since the present incarnation started: the change waits for the next. */
  get restartPending(): boolean {
    if (this.#incarnation === undefined) return false;
    // These count at once.
    const { labels, autostart, after, critical } = this.#spec;
    return !isDeepStrictEqual({ ...this.#incarnation.spec, labels, autostart, after, critical }, this.#spec);
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
  /** Ids that the workers have, or will have once a change of their number is done. */
  get plannedIds(): readonly number[] {
    return this.#plannedIds;
  }
  /** Upper bounds of the group's histogram, in seconds. */
  get bounds(): readonly number[] {
    return this.#workers.bounds;
  }
  /** Processor time of the group's hosts, in seconds. */
  get cpuSeconds(): number {
    return this.#cpuSeconds + (this.#incarnation?.usage?.cpuSeconds ?? 0);
  }
  /** Resident memory of the group's host in bytes; 0 without one. */
  get memoryBytes(): number {
    return this.#incarnation?.usage?.rssBytes ?? 0;
  }

  /** What is to be kept of it over the end of the service. */
  registration(changes: Partial<Registration> = {}): Registration {
    return {
      spec: this.#spec,
      workerIds: this.#plannedIds,
      order: this.#order,
      desired: this.desired,
      origin: this.origin,
      completed: this.#done,
      ...changes,
    };
  }

  /** Whether it has a feed now, or will at its next start. */
  get hasFeed(): boolean {
    return this.#spec.feed !== null || (this.#incarnation?.spec.feed ?? null) !== null;
  }
  /** What went through its feed. */
  get feed(): FeedCounters {
    const live = this.#incarnation?.feed;
    return live === undefined ? this.#feed : addFeedCounters(this.#feed, live);
  }

  workers(): WorkerStatus[] {
    return this.#workers.statuses(this.#incarnation);
  }

  /** The counters of all workers that the group has had. */
  totals(): Counters {
    return this.#workers.totals(this.#incarnation);
  }

  /** The user wants the group to run: a wish that later commands can beat. One that is being removed has no wishes. */
  want(): StartTicket {
    if (!this.#removing) {
      this.#desire.wish('running');
      this.#done = false;
    }
    return this.ticket();
  }

  /** The start that was wanted has been refused before anything happened: what is desired is what it was. */
  withdraw(ticket: StartTicket): void {
    if (!ticket.valid || this.active) return;
    this.#desire.takeBack();
    this.#done = this.#state === 'completed';
  }

  /** Holds until a later command, or the end of the service, beats what goes on now. */
  ticket(): StartTicket {
    const group = this;
    const epoch = this.#epoch;
    return {
      get valid() {
        return group.#epoch === epoch && !group.#removing && !group.#world.closing();
      },
    };
  }

  /** Begins a new incarnation. Only at rest, a wait for the next try included. */
  launch(launch: Launch): Incarnation {
    if (this.#incarnation !== undefined) throw new Error(`group ${this.name} has an incarnation already`);
    const spec = this.#spec;
    const { workerIds } = this;
    const { clock, random, createHost, prepare } = this.#world;
    this.#restart.cancel();
    if (launch.restartAfter === undefined) this.#restart.forget();
    else this.#onRestarted(undefined, launch.restartAfter);
    const incarnation: Incarnation = new Incarnation({
      spec,
      workerIds,
      clock,
      random,
      createHost,
      prepare: () => prepare(spec, workerIds),
      listener: {
        ending: (cause) => this.#move('stop', problemOf(cause)?.message ?? null),
        ended: (ending) => this.#onEnded(launch, incarnation, ending),
        running: () => this.#move('running', null),
        workerFailed: (failure) => this.#onFailed(failure, failure.problem.message),
        workerRestarted: (id, reason) => {
          this.#workers.restarted(id);
          this.#onRestarted(id, reason);
        },
        workerStalled: (workerId) => {
          this.record.stalls++;
          this.#world.events.emit('stalled', { group: this.name, workerId });
        },
        workerKilled: (id) => this.#onKilled([id]),
        workerLeft: (id) => this.#workers.retire(id, incarnation),
        message: (message) => this.#onMessage(message),
      },
    });
    this.#incarnation = incarnation;
    this.#launch = launch;
    this.#desire.settle('running');
    this.#move('start', null);
    return incarnation;
  }

  /** Stops the group, beats every start that is under way, and reports when all are dead. */
  stop(first?: Promise<unknown>): Promise<GroupStopReport> {
    this.#desire.settle('stopped');
    return this.halt(first);
  }

  /**
   * The same without a change of what is desired: for restarts and for the end of the service.
   * @param first what has to have ended before this group is asked to; later starts wait for it, too.
   */
  async halt(first?: Promise<unknown>): Promise<GroupStopReport> {
    this.#epoch++;
    this.#restart.cancel();
    if (this.#state === 'backoff') this.#move('stopped', null);
    this.#world.events.emit('beaten', { group: this.name });
    const meant = this.#incarnation;
    if (first === undefined) return this.#end(meant);
    const pending = first.then(() => this.#end(meant));
    this.#pendingStops.add(pending);
    return pending.finally(() => this.#pendingStops.delete(pending));
  }

  /** The start that began with this ticket has failed elsewhere: what it has brought up ends, and does not come back. */
  rollBack(ticket: StartTicket, problem: ProblemError): void {
    // A later command has taken the group out of that start.
    if (this.#launch?.ticket !== ticket || !ticket.valid) return;
    this.#epoch++;
    this.#restart.cancel();
    // One that fails by itself ends for a reason of its own.
    if (this.#state === 'backoff' || (this.active && this.#incarnation?.cause === undefined))
      this.#desire.settle('stopped');
    if (this.#state === 'backoff') this.#move('stopped', problem.message);
    this.#incarnation?.end({ kind: 'rollback', problem });
  }

  /**
   * Takes another spec, which the next incarnation will run; the workers also count for `scale`.
   * @param workerIds as many as the spec has workers: those that it has had, by index, then new ones
   */
  replaceSpec(spec: GroupSpec, workerIds: readonly number[]): void {
    this.#spec = spec;
    this.#plannedIds = workerIds;
    if (!this.active) this.#workers.resize(workerIds, spec.buckets);
  }

  /** What should run could not even begin, and nobody may be there to be told. */
  refuse(ticket: StartTicket, { message }: ProblemError): void {
    // One that waits for its next try has that.
    if (!ticket.valid || this.active || this.#state === 'backoff') return;
    this.#desire.settle('running');
    this.#onFailed({ kind: 'start' }, message);
    this.#move('failed', message);
    if (this.#spec.critical)
      this.#world.events.emit('criticalFailure', { group: this.name, reason: message });
  }

  /**
   * Brings a group that is running, or will be in a moment, to the number of workers in its spec, without touching
   * those that stay. Scalings come one after the other. False when a worker cannot be ended short of a restart.
   * @throws ProblemError when the group has failed over it
   */
  scale(): Promise<boolean> {
    const turn = this.#scaling.then(() => this.#scale());
    this.#scaling = turn.catch(() => {});
    return turn;
  }

  /** Stops the group for good; `forget` is called when it is dead. */
  async remove(forget: () => void): Promise<GroupStopReport> {
    this.#removing = true;
    const report = await this.stop();
    forget();
    this.#removed.resolve();
    return report;
  }

  /** Ends this life of the group, and none that has begun since the stop was asked. */
  async #end(meant: Incarnation | undefined): Promise<GroupStopReport> {
    const { name } = this;
    meant?.end({ kind: 'stop' });
    const ending = await meant?.ended;
    if (ending === undefined) return { name, success: true, killed: [], seconds: 0, reason: null };
    const { success, killed, seconds, reason } = ending;
    return { name, success, killed: [...killed], seconds, reason };
  }

  async #scale(): Promise<boolean> {
    const incarnation = this.#incarnation;
    if (incarnation === undefined || !(await incarnation.running)) return true;
    // Meanwhile it may be on its way to its end: what starts next has the new number from the beginning.
    if (incarnation !== this.#incarnation || incarnation.cause !== undefined) return true;
    const planned = this.#plannedIds;
    const { ids } = this.#workers;
    if (isDeepStrictEqual(ids, planned)) return true;
    this.#world.events.emit('scaled', { group: this.name, workers: planned.length });
    const kept = ids.filter((id, index) => planned[index] === id);
    // Where some leave and others come, the indexes must be free first.
    let done = kept.length === ids.length || (await incarnation.scale(kept));
    if (done && incarnation.cause === undefined && kept.length < planned.length) {
      this.#workers.add(planned.slice(kept.length));
      done = await incarnation.scale(planned);
    }
    const problem = incarnation.cause && problemOf(incarnation.cause);
    if (problem !== undefined) throw problem;
    // A life that ends needs no restart to get rid of a worker.
    return done || incarnation.cause !== undefined;
  }

  #move(event: GroupEvent, reason: string | null): void {
    const from = this.#state;
    const to = nextGroupState(from, event);
    if (to === undefined)
      throw new Error(`group ${this.name}: no transition for "${event}" in state "${from}"`);
    this.#state = to;
    this.#since = this.#world.clock.date();
    this.#reason = reason;
    this.#world.events.emit('transition', { group: this.name, from, to, reason });
  }

  #onMessage(message: HostMessage): void {
    if (message.type === 'log') this.record.droppedLines += message.droppedLines ?? 0;
    this.#world.events.emit('message', { group: this.name, message });
  }

  #onKilled(workerIds: readonly number[]): void {
    if (workerIds.length === 0) return;
    this.record.killed += workerIds.length;
    this.#world.events.emit('killed', { group: this.name, workerIds });
  }

  #onRestarted(workerId: number | undefined, reason: RestartReason): void {
    this.record.restarted(reason);
    this.#world.events.emit('restarted', { group: this.name, workerId, reason });
  }

  #onFailed({ kind, workerId }: Pick<Failure, 'kind' | 'workerId'>, reason: string): void {
    const failure = { at: this.#world.clock.date(), kind, workerId, reason };
    this.record.failed(failure);
    this.#world.events.emit('failed', { group: this.name, failure });
  }

  #onEnded(launch: Launch, incarnation: Incarnation, ending: Ending): void {
    const { cause, outcome } = ending;
    const died = cause.kind === 'failure' && cause.failure.workerId === undefined && !ending.success;
    this.#workers.fold(incarnation, died ? 'failed' : 'stopped');
    this.#workers.resize(this.#plannedIds, this.#spec.buckets);
    this.#cpuSeconds += incarnation.usage?.cpuSeconds ?? 0;
    if (incarnation.feed !== undefined) this.#feed = foldFeed(this.#feed, incarnation.feed);
    this.#onKilled(ending.killed);
    this.#incarnation = undefined;
    const decision = this.#restart.decide(launch, incarnation, ending);
    const reason = describeEnd(incarnation, ending, decision);
    if (outcome === 'failed')
      this.#onFailed(cause.kind === 'failure' ? cause.failure : { kind: 'host' }, reason ?? '');
    if (decision?.restart === true) {
      const { startAgain } = this.#world;
      this.#restart.wait(decision, ending, (after) => void startAgain(this, launch.ticket, after));
    }
    if (outcome === 'completed' && decision?.restart !== true) this.#done = true;
    this.#move(decision?.restart === true ? 'backoff' : outcome, reason);
    this.#world.events.emit('ended', { group: this.name, ending, servedFeed: incarnation.servedFeed });
    // A host that dies while a user stops or restarts its group is no failure of what should run.
    if (this.#state === 'failed' && this.#spec.critical && launch.ticket.valid)
      this.#world.events.emit('criticalFailure', { group: this.name, reason: reason ?? '' });
  }
}
