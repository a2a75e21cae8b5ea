import type { Clock, Timer } from '../clock.js';
import { type Deferred, deferred } from '../deferred.js';
import { ProblemError } from '../errors.js';
import type { ErrorInfo, FeedReport, HostMessage, HostReport, WorkerReport } from '../host/host-message.js';
import type { Hook, HostLaunch, Phase } from '../host/protocol.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { WorkerState } from '../schemas/states.js';
import { EndRecord } from './end-record.js';
import { type EndCause, type Ending, type Failure, failureOf, problemOf } from './ending.js';
import type { Host, HostExit, HostFactory } from './host.js';
import { HostReports, type HostUsage } from './host-reports.js';
import { SilenceWatch } from './silence-watch.js';
import { StartBudget } from './start-budget.js';
import { WorkerSupervisor, type WorkerSupervisorListener } from './worker-supervisor.js';

/** How far a start has come; how it ends is another matter, at any of these. */
const PHASES = ['forked', 'initialising', 'initialised', 'launching', 'running'] as const;
type StartPhase = (typeof PHASES)[number];

const MIB = 1024 * 1024;

export interface IncarnationListener
  extends Omit<WorkerSupervisorListener, 'allLooped' | 'allCompleted' | 'groupFails' | 'trouble'> {
  /** Every worker is in its loop. Called at most once, and not when the end was asked before. */
  running(): void;
  /** The host was told to end. */
  ending(cause: EndCause): void;
  /** The host is dead. Called once, before `ended` resolves. */
  ended(ending: Ending): void;
  message(message: HostMessage): void;
}

export interface IncarnationOptions {
  readonly spec: GroupSpec;
  readonly workerIds: readonly number[];
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly createHost: HostFactory;
  /** Finds the modules and puts together what the host has to know. */
  readonly prepare: () => Promise<HostLaunch>;
  readonly listener: IncarnationListener;
}

/**
 * One life of a group: from the start of its host to the host's death. It knows the order of that life and its
 * deadlines; its workers are the supervisor's business, and which life follows, if any, the group's.
 */
export class Incarnation {
  /** Resolves when the operating system has reported the end of the host. Never rejects. */
  readonly ended: Promise<Ending>;

  readonly #clock: Clock;
  readonly #prepare: () => Promise<HostLaunch>;
  readonly #listener: IncarnationListener;
  readonly #host: Host;
  readonly #workers: WorkerSupervisor;
  readonly #initialised = deferred<boolean>();
  readonly #running = deferred<boolean>();
  readonly #ended: Deferred<Ending> = deferred();
  readonly #reports: HostReports;
  readonly #budget: StartBudget;
  readonly #end: EndRecord;
  readonly #silence: SilenceWatch;
  /** Where its host is to serve a feed, and where it does. */
  #plannedSocket: string | undefined;
  #feedSocket: string | undefined;

  #spec: GroupSpec;
  #phase: StartPhase = 'forked';
  #runningSince: number | undefined;
  #dead = false;
  #graceTimer: Timer | undefined;
  /** The hook that is under way. */
  #hook: Hook | undefined;

  constructor(options: IncarnationOptions) {
    const { spec, clock, listener } = options;
    this.#spec = spec;
    this.#clock = clock;
    this.#prepare = options.prepare;
    this.#listener = listener;
    this.#end = new EndRecord(clock);
    this.#reports = new HostReports(spec.buckets.length + 1);
    this.#budget = new StartBudget(clock, spec.startTimeoutSeconds * 1000, () => this.#onStartTimeout());
    this.#silence = new SilenceWatch(
      clock,
      () => this.#host.report(0),
      () => this.#fail('host', `did not report for ${SilenceWatch.SECONDS} s`),
    );
    this.ended = this.#ended.promise;
    this.#host = options.createHost(spec, {
      message: (message) => this.#onMessage(message),
      exited: (exit) => this.#onExit(exit),
    });
    this.#workers = new WorkerSupervisor({
      spec,
      workerIds: options.workerIds,
      clock,
      random: options.random,
      host: this.#host,
      listener: {
        ...listener,
        allLooped: () => this.#onAllLooped(),
        allCompleted: () => this.#onAllCompleted(),
        workerKilled: (id) => {
          if (this.cause === undefined) listener.workerKilled(id);
          else this.#end.killedWorker(id);
        },
        workerLeft: (id) => {
          listener.workerLeft(id);
          this.#reports.forget(id);
        },
        groupFails: (failure, stuck) => this.#onGroupFails(failure, stuck),
        trouble: (message) => {
          if (this.cause !== undefined) this.#end.trouble(message);
        },
      },
    });
  }

  /** What this life was started with; the number of workers follows `scale`. */
  get spec(): GroupSpec {
    return this.#spec;
  }

  get workerIds(): readonly number[] {
    return this.#workers.ids;
  }

  get pid(): number | undefined {
    return this.#dead ? undefined : this.#host.pid;
  }

  /** What the host last told of itself. */
  get usage(): HostUsage | undefined {
    return this.#reports.usage;
  }

  /** Where takers can connect to its feed; undefined while they cannot, and without a feed. */
  get feedSocket(): string | undefined {
    return this.#dead ? undefined : this.#feedSocket;
  }

  /** Whether its host has come to serve a feed: the socket was its own. */
  get servedFeed(): boolean {
    return this.#feedSocket !== undefined;
  }

  /** What its feed last told; undefined without one. */
  get feed(): FeedReport | undefined {
    return this.#reports.feed;
  }

  /** Whether all workers have finished, and only the feed keeps it from its end. */
  get draining(): boolean {
    return this.cause === undefined && this.#spec.feed !== null && this.#workers.allCompleted;
  }

  /** Why this incarnation ends; undefined while nothing has asked for it. */
  get cause(): EndCause | undefined {
    return this.#end.cause;
  }

  /** Whether its workers were told to start. */
  get workersStarted(): boolean {
    return this.#reached('launching');
  }

  /** Resolves when every worker is in its loop (true), or when that will not happen (false). */
  get running(): Promise<boolean> {
    return this.#running.promise;
  }

  /** The state of one of its workers; undefined when it is none. */
  workerState(workerId: number): WorkerState | undefined {
    const state = this.#workers.state(workerId);
    return state === 'idle' && !this.#dead ? 'starting' : state;
  }

  /** When the worker starts again, while it waits for that. */
  restartAt(workerId: number): Date | undefined {
    return this.#workers.restartAt(workerId);
  }

  /** Workers that wait for their next try start at once. */
  startWaiting(): void {
    this.#workers.startWaiting();
  }

  /** The last report of one of its workers. */
  report(workerId: number): WorkerReport | undefined {
    return this.#reports.worker(workerId);
  }

  /** Loads the module and runs `init`. False when this incarnation is ending: `ended` tells why. */
  async init(): Promise<boolean> {
    if (this.cause === undefined) {
      this.#budget.resume();
      try {
        const launch = await this.#prepare();
        if (this.cause === undefined) {
          this.#phase = 'initialising';
          this.#plannedSocket = launch.feed?.socket;
          this.#host.init(launch);
        }
      } catch (error) {
        const problem =
          error instanceof ProblemError
            ? error
            : new ProblemError('internal', String(error), { cause: error });
        this.end({ kind: 'failure', failure: { kind: 'start', problem } });
      }
    }
    return this.#initialised.promise;
  }

  /** Starts the workers; after `init`. False when this incarnation is ending: `ended` tells why. */
  run(): Promise<boolean> {
    if (this.cause === undefined) {
      this.#budget.resume();
      this.#phase = 'launching';
      this.#workers.launched();
      this.#host.run();
    }
    return this.#running.promise;
  }

  /**
   * Makes the group one of these workers; only while it runs. Resolves when the new ones are in their loops and the
   * others have ended, or when this life ends; false when one cannot be ended, short of the host's death.
   */
  scale(workerIds: readonly number[]): Promise<boolean> {
    this.#spec = { ...this.#spec, workers: workerIds.length };
    return this.#workers.scale(workerIds);
  }

  /** Ends this incarnation: cooperatively at first, by force when the grace is over. Returns at once. */
  end(cause: EndCause): void {
    if (this.cause !== undefined || this.#dead) return;
    this.#end.ask(cause);
    this.#budget.pause();
    this.#silence.close();
    this.#initialised.resolve(false);
    this.#running.resolve(false);
    this.#workers.groupEnds();
    this.#listener.ending(cause);
    if (!this.#reached('initialising')) {
      // No user code has run: there is nobody to ask.
      this.#host.kill();
      return;
    }
    const problem = problemOf(cause);
    if (problem?.code === 'start_timeout' && !this.#reached('initialised')) {
      // The hooks thread is stuck in the module or in init: it would not hear a question.
      this.#kill(problem.message);
      return;
    }
    // To takers of its feed a group that starts again has not completed.
    this.#host.stop(cause.kind === 'completed' && this.#spec.restart.policy !== 'always');
    this.#graceTimer = this.#clock.after(this.#spec.stopGraceSeconds * 1000, () => this.#onGraceOver());
  }

  /** Ends this incarnation by force. For a service that has no time left. */
  kill(why: string): void {
    this.end({ kind: 'stop' });
    this.#kill(why);
  }

  /** Resolves when a report made after this call is in, or when there will be none. Never rejects. */
  refresh(): Promise<void> {
    if (this.#dead || !this.#reached('initialising')) return Promise.resolve();
    return this.#reports.next((request) => this.#host.report(request));
  }

  #reached(phase: StartPhase): boolean {
    return PHASES.indexOf(this.#phase) >= PHASES.indexOf(phase);
  }

  #onStartTimeout(): void {
    const { name, startTimeoutSeconds } = this.#spec;
    const what = this.#reached('initialised')
      ? 'setup'
      : this.#hook === 'init'
        ? 'init'
        : 'loading the module';
    const detail = `Group "${name}" did not start within ${startTimeoutSeconds} s: ${what} did not finish. Look for something that never settles there, or raise startTimeoutSeconds.`;
    this.end({
      kind: 'failure',
      failure: { kind: 'start', problem: new ProblemError('start_timeout', detail) },
    });
  }

  #onAllLooped(): void {
    if (this.#phase !== 'launching' || this.cause !== undefined) return;
    this.#phase = 'running';
    this.#runningSince = this.#clock.now();
    this.#budget.pause();
    this.#silence.heard();
    this.#listener.running();
    this.#running.resolve(true);
  }

  #onAllCompleted(): void {
    if (this.#spec.feed === null) this.end({ kind: 'completed' });
    else this.#host.drain();
  }

  #onGroupFails(failure: Failure, stuck: boolean): void {
    this.end({ kind: 'failure', failure });
    if (stuck) this.#kill('the host was killed');
  }

  /** The host as a whole goes on no more. */
  #fail(kind: Failure['kind'], what: string): void {
    const problem = new ProblemError('host_failed', `The host of group "${this.#spec.name}" ${what}`);
    this.#onGroupFails({ kind, problem }, true);
  }

  /** A host is not believed to keep to the order of things: user code can reach its end of the channel. */
  #onMessage(message: HostMessage): void {
    if (this.#dead) return;
    switch (message.type) {
      case 'serving':
        this.#feedSocket = this.#plannedSocket;
        break;
      case 'initialised':
        if (this.#phase !== 'initialising') break;
        this.#phase = 'initialised';
        if (this.cause !== undefined) break;
        this.#budget.pause();
        this.#initialised.resolve(true);
        break;
      case 'failed':
        if (message.workerId === undefined) this.#onFailure(message.phase, message.error);
        else if (this.#workers.state(message.workerId) === undefined) return;
        else this.#workers.handle(message);
        break;
      case 'looping':
      case 'stalled':
      case 'finishing':
      case 'completed':
      case 'ended':
      case 'stuck':
        this.#workers.handle(message);
        break;
      case 'hook':
        this.#hook = message.state === 'started' ? message.hook : undefined;
        // A failure of init is told as such, by a message of its own.
        if (message.state === 'failed' && message.hook !== 'init') {
          this.#end.trouble(
            `The ${message.hook} hook failed: ${message.error?.message ?? 'no reason was given'}`,
          );
        }
        break;
      case 'report':
        this.#onReport(message);
        break;
      case 'drained':
        // Workers may have been added since it was asked.
        if (this.draining) this.end({ kind: 'completed' });
        break;
      case 'finished':
        // Not while workers are at it by our own account.
        if (this.#workers.unfinished.length === 0) this.#end.finish();
        break;
      case 'log':
        break;
    }
    this.#listener.message(message);
  }

  #onReport(report: HostReport): void {
    this.#reports.accept(report, this.#workers.ids);
    if (this.#phase === 'running') this.#silence.heard();
    const { rssMb } = this.#spec.limits;
    if (rssMb === null || this.cause !== undefined || report.rssBytes <= rssMb * MIB) return;
    const used = Math.ceil(report.rssBytes / MIB);
    this.#fail('memory', `uses ${used} MiB of memory, more than its limit of ${rssMb} MiB (limits.rssMb)`);
  }

  #onFailure(phase: Phase, error: ErrorInfo): void {
    const failure = failureOf(this.#spec.name, phase, undefined, error);
    if (this.cause === undefined) this.end({ kind: 'failure', failure });
    // What fails while stopping is told, but the cause of the end stands.
    else if (phase !== 'module' && phase !== 'init') this.#end.trouble(failure.problem.message);
  }

  #onGraceOver(): void {
    const workers = this.#unfinishedWorkers();
    const grace = `the grace of ${this.#spec.stopGraceSeconds} s`;
    const who =
      workers.length > 0
        ? `${workers.length === 1 ? 'Worker' : 'Workers'} ${workers.join(', ')} did not stop within ${grace}`
        : `${this.#hook === undefined ? 'The group host' : `The ${this.#hook} hook`} did not finish within ${grace}`;
    this.#kill(`${who}: killed`);
  }

  #kill(why: string): void {
    if (this.#dead || this.#end.killed) return;
    this.#end.kill(this.#unfinishedWorkers(), why);
    this.#host.kill();
  }

  /** Workers that may still run user code. */
  #unfinishedWorkers(): number[] {
    return this.#end.finished ? [] : this.#workers.unfinished;
  }

  #onExit(exit: HostExit): void {
    if (this.#dead) return;
    this.#budget.pause();
    this.#silence.close();
    this.#graceTimer?.cancel();
    const ending = this.#end.conclude(exit, this.#spec, this.#reached('initialising'), this.#runningSince);
    this.#dead = true;
    this.#initialised.resolve(false);
    this.#running.resolve(false);
    this.#reports.close();
    this.#workers.groupEnds();
    this.#listener.ended(ending);
    this.#ended.resolve(ending);
  }
}
