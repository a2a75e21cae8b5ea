import { type Clock, secondsSince, type Timer } from '../clock.js';
import { type Deferred, deferred } from '../deferred.js';
import { ProblemError } from '../errors.js';
import type { ErrorInfo, HostMessage, HostReport } from '../host/host-message.js';
import type { Hook, HostLaunch, Phase } from '../host/protocol.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import { describeExit, type EndCause, type Ending, failureOf } from './ending.js';
import type { Host, HostExit, HostFactory } from './host.js';
import { HostReports } from './host-reports.js';
import { StartBudget } from './start-budget.js';

/** How far a start has come; how it ends is another matter, at any of these. */
const PHASES = ['forked', 'initialising', 'initialised', 'launching', 'running'] as const;
type StartPhase = (typeof PHASES)[number];

/** How a worker of this incarnation ended by itself; undefined: it stands as its group does. */
export type WorkerMark = 'completed' | 'failed' | undefined;

export interface IncarnationListener {
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
  readonly createHost: HostFactory;
  /** Finds the modules and puts together what the host has to know. */
  readonly prepare: () => Promise<HostLaunch>;
  readonly listener: IncarnationListener;
}

/**
 * One life of a group: from the start of its host to the host's death. It knows the order of that life and its
 * deadlines; which life follows, if any, is the group's business.
 */
export class Incarnation {
  readonly spec: GroupSpec;
  readonly workerIds: readonly number[];
  /** Resolves when the operating system has reported the end of the host. Never rejects. */
  readonly ended: Promise<Ending>;

  readonly #clock: Clock;
  readonly #prepare: () => Promise<HostLaunch>;
  readonly #listener: IncarnationListener;
  readonly #host: Host;
  readonly #initialised = deferred<boolean>();
  readonly #running = deferred<boolean>();
  readonly #ended: Deferred<Ending> = deferred();
  readonly #marks = new Map<number, WorkerMark>();
  /** Workers that run no user code any more. */
  readonly #over = new Set<number>();
  readonly #reports = new HostReports();
  readonly #budget: StartBudget;

  #phase: StartPhase = 'forked';
  /** The host has said its last word: everything in it has ended. */
  #finished = false;
  #dead = false;
  #cause: EndCause | undefined;
  #endAskedAt = 0;
  #killed: { workers: number[]; why: string } | undefined;
  #graceTimer: Timer | undefined;
  /** The hook that is under way. */
  #hook: Hook | undefined;
  /** The first thing that went wrong after the end was asked. */
  #trouble: string | undefined;

  constructor(options: IncarnationOptions) {
    this.spec = options.spec;
    this.workerIds = options.workerIds;
    this.#clock = options.clock;
    this.#prepare = options.prepare;
    this.#listener = options.listener;
    this.#budget = new StartBudget(this.#clock, this.spec.startTimeoutSeconds * 1000, () =>
      this.#onStartTimeout(),
    );
    this.ended = this.#ended.promise;
    this.#host = options.createHost(options.spec.name, {
      message: (message) => this.#onMessage(message),
      exited: (exit) => this.#onExit(exit),
    });
  }

  get pid(): number | undefined {
    return this.#dead ? undefined : this.#host.pid;
  }

  /** The last report of the host. */
  get report(): HostReport | undefined {
    return this.#reports.last;
  }

  /** Why this incarnation ends; undefined while nothing has asked for it. */
  get cause(): EndCause | undefined {
    return this.#cause;
  }

  /** Resolves when every worker is in its loop (true), or when that will not happen (false). */
  get running(): Promise<boolean> {
    return this.#running.promise;
  }

  mark(workerId: number): WorkerMark {
    return this.#marks.get(workerId);
  }

  /** Loads the module and runs `init`. False when this incarnation is ending: `ended` tells why. */
  async init(): Promise<boolean> {
    if (this.#cause === undefined) {
      this.#budget.resume();
      try {
        const launch = await this.#prepare();
        if (this.#cause === undefined) {
          this.#phase = 'initialising';
          this.#host.init(launch);
        }
      } catch (error) {
        const problem =
          error instanceof ProblemError
            ? error
            : new ProblemError('internal', String(error), { cause: error });
        this.end({ kind: 'failure', problem });
      }
    }
    return this.#initialised.promise;
  }

  /** Starts the workers; after `init`. False when this incarnation is ending: `ended` tells why. */
  run(): Promise<boolean> {
    if (this.#cause === undefined) {
      this.#budget.resume();
      this.#phase = 'launching';
      this.#host.run();
    }
    return this.#running.promise;
  }

  /** Ends this incarnation: cooperatively at first, by force when the grace is over. Returns at once. */
  end(cause: EndCause): void {
    if (this.#cause !== undefined || this.#dead) return;
    this.#cause = cause;
    this.#endAskedAt = this.#clock.now();
    this.#budget.pause();
    this.#initialised.resolve(false);
    this.#running.resolve(false);
    this.#listener.ending(cause);
    if (!this.#reached('initialising')) {
      // No user code has run: there is nobody to ask.
      this.#host.kill();
      return;
    }
    if (cause.kind === 'failure' && cause.problem.code === 'start_timeout' && !this.#reached('initialised')) {
      // The hooks thread is stuck in the module or in init: it would not hear a question.
      this.#kill(cause.problem.message);
      return;
    }
    this.#host.stop();
    this.#graceTimer = this.#clock.after(this.spec.stopGraceSeconds * 1000, () => this.#onGraceOver());
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
    const { name, startTimeoutSeconds } = this.spec;
    const what = this.#reached('initialised')
      ? 'setup'
      : this.#hook === 'init'
        ? 'init'
        : 'loading the module';
    const detail = `Group "${name}" did not start within ${startTimeoutSeconds} s: ${what} did not finish. Look for something that never settles there, or raise startTimeoutSeconds.`;
    this.end({ kind: 'failure', problem: new ProblemError('start_timeout', detail) });
  }

  /** A host is not believed to keep to the order of things: user code can reach its end of the channel. */
  #onMessage(message: HostMessage): void {
    if (this.#dead) return;
    switch (message.type) {
      case 'initialised':
        if (this.#phase !== 'initialising') break;
        this.#phase = 'initialised';
        if (this.#cause !== undefined) break;
        this.#budget.pause();
        this.#initialised.resolve(true);
        break;
      case 'running':
        if (this.#phase !== 'launching' || this.#cause !== undefined) break;
        this.#phase = 'running';
        this.#budget.pause();
        this.#listener.running();
        this.#running.resolve(true);
        break;
      case 'failed':
        this.#onFailure(message.phase, message.workerId, message.error);
        break;
      case 'completed':
        if (!this.#reached('launching') || !this.workerIds.includes(message.workerId)) break;
        this.#marks.set(message.workerId, 'completed');
        this.#over.add(message.workerId);
        if (this.workerIds.every((id) => this.#marks.get(id) === 'completed'))
          this.end({ kind: 'completed' });
        break;
      case 'ended':
        if (this.#cause !== undefined) this.#over.add(message.workerId);
        break;
      case 'hook':
        this.#hook = message.state === 'started' ? message.hook : undefined;
        // A failure of init is told as such, by a message of its own.
        if (message.state === 'failed' && message.hook !== 'init') {
          this.#trouble ??= `The ${message.hook} hook failed: ${message.error?.message ?? 'no reason was given'}`;
        }
        break;
      case 'report':
        this.#reports.accept(message);
        break;
      case 'finished':
        this.#finished = this.#cause !== undefined;
        break;
      case 'log':
        break;
    }
    this.#listener.message(message);
  }

  #onFailure(phase: Phase, workerId: number | undefined, error: ErrorInfo): void {
    if (workerId !== undefined && !this.workerIds.includes(workerId)) return;
    const problem = failureOf(this.spec.name, phase, workerId, error);
    const first = this.#cause === undefined;
    if (workerId !== undefined && (first || this.#cause?.kind === 'failure'))
      this.#marks.set(workerId, 'failed');
    if (first) {
      this.end({ kind: 'failure', problem });
    } else if (phase !== 'module' && phase !== 'init') {
      // What fails while stopping is told, but the cause of the end stands.
      this.#trouble ??= problem.message;
    }
  }

  #onGraceOver(): void {
    const workers = this.#unfinishedWorkers();
    const grace = `the grace of ${this.spec.stopGraceSeconds} s`;
    const who =
      workers.length > 0
        ? `${workers.length === 1 ? 'Worker' : 'Workers'} ${workers.join(', ')} did not stop within ${grace}`
        : `${this.#hook === undefined ? 'The group host' : `The ${this.#hook} hook`} did not finish within ${grace}`;
    this.#kill(`${who}: killed`);
  }

  #kill(why: string): void {
    if (this.#dead || this.#killed !== undefined) return;
    // Only its loggers can be at work after its last word, and those hurt nobody.
    if (!this.#finished) this.#killed = { workers: this.#unfinishedWorkers(), why };
    this.#host.kill();
  }

  /** Workers that may still run user code. */
  #unfinishedWorkers(): number[] {
    if (!this.#reached('launching') || this.#finished) return [];
    return this.workerIds.filter((id) => !this.#over.has(id));
  }

  #onExit(exit: HostExit): void {
    if (this.#dead) return;
    this.#budget.pause();
    this.#graceTimer?.cancel();
    const stopped = this.#finished || this.#killed !== undefined || !this.#reached('initialising');
    const crash = this.#cause === undefined || !stopped;
    const crashReason = crash ? describeExit(this.spec.name, exit, this.#cause !== undefined) : undefined;
    if (this.#cause === undefined) {
      this.#cause = { kind: 'failure', problem: new ProblemError('host_failed', crashReason ?? '') };
      this.#endAskedAt = this.#clock.now();
    }
    this.#dead = true;
    this.#initialised.resolve(false);
    this.#running.resolve(false);
    this.#reports.close();
    const cause = this.#cause;
    const failed = cause.kind === 'failure' || crash;
    const ending: Ending = {
      outcome: failed ? 'failed' : cause.kind === 'completed' ? 'completed' : 'stopped',
      cause,
      success: !crash && this.#killed === undefined,
      killed: this.#killed?.workers ?? [],
      seconds: secondsSince(this.#clock, this.#endAskedAt),
      reason: this.#reason(cause, crashReason),
    };
    this.#listener.ended(ending);
    this.#ended.resolve(ending);
  }

  #reason(cause: EndCause, crashReason: string | undefined): string | null {
    const first = 'problem' in cause ? cause.problem.message : undefined;
    // Of a failure the first cause is told; what followed from it is in the log.
    const trouble = cause.kind === 'failure' ? undefined : this.#trouble;
    const parts = [first, this.#killed?.why, crashReason, trouble].filter((part) => part !== undefined);
    return parts.length === 0 ? null : [...new Set(parts)].join('; ');
  }
}
