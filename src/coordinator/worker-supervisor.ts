import type { Clock } from '../clock.js';
import { ProblemError } from '../errors.js';
import type { HostMessage } from '../host/host-message.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { RestartReason, WorkerState } from '../schemas/states.js';
import { type Failure, failureOf, givenUp } from './ending.js';
import type { Host } from './host.js';
import { decideRestart, type RestartDecision } from './restart-policy.js';
import { WorkerLife } from './worker-life.js';

/** What the life of a group needs to know of its workers. */
export interface WorkerSupervisorListener {
  /** Every worker has been in its loop. Called once. */
  allLooped(): void;
  /** No worker has any work left. Called again when others were added meanwhile, and they have none either. */
  allCompleted(): void;
  /** A failure that is the whole group's. `stuck`: only a kill of the host can end it. */
  groupFails(failure: Failure, stuck: boolean): void;
  /** Something failed while the group or the worker was ending anyway. */
  trouble(message: string): void;
  /** A worker failed and will start again, alone. */
  workerFailed(failure: Failure): void;
  workerRestarted(workerId: number, reason: RestartReason): void;
  workerStalled(workerId: number): void;
  /** Its thread was ended by force. */
  workerKilled(workerId: number): void;
  /** It has left the group, and its last counters are in. */
  workerLeft(workerId: number): void;
}

export interface WorkerSupervisorOptions {
  readonly spec: GroupSpec;
  readonly workerIds: readonly number[];
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly host: Pick<Host, 'startWorker' | 'stopWorker' | 'killWorker' | 'count'>;
  readonly listener: WorkerSupervisorListener;
}

type WorkerMessage = Extract<
  HostMessage,
  { type: 'looping' | 'stalled' | 'finishing' | 'completed' | 'ended' | 'stuck' | 'failed' }
>;

/**
 * The workers of one life of a group: who starts again alone, who leaves, who has to be killed, and when a matter is
 * the whole group's. A host is not believed to keep to the order of things: what does not fit changes nothing.
 */
export class WorkerSupervisor {
  readonly #spec: GroupSpec;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #host: WorkerSupervisorOptions['host'];
  readonly #listener: WorkerSupervisorListener;
  readonly #lives = new Map<number, WorkerLife>();
  #allLooped = false;
  #ending = false;

  constructor(options: WorkerSupervisorOptions) {
    this.#spec = options.spec;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#host = options.host;
    this.#listener = options.listener;
    options.workerIds.forEach((id, index) => {
      this.#add(id, index);
    });
  }

  get ids(): number[] {
    return [...this.#lives.keys()];
  }

  state(workerId: number): WorkerState | undefined {
    return this.#lives.get(workerId)?.state;
  }

  /** When the worker starts again, while it waits for that. */
  restartAt(workerId: number): Date | undefined {
    return this.#lives.get(workerId)?.restartAt;
  }

  /** Workers that may still run user code. */
  get unfinished(): number[] {
    return [...this.#lives.values()].filter(({ over }) => !over).map(({ id }) => id);
  }

  /** Whether no worker has any work left, and none starts again. */
  get allCompleted(): boolean {
    const lives = [...this.#lives.values()];
    return (
      this.#allLooped &&
      lives.length > 0 &&
      lives.every((life) => life.state === 'completed' && !life.restarts)
    );
  }

  /** The host starts all of them. */
  launched(): void {
    for (const life of this.#lives.values()) life.launched();
  }

  /** Whoever waits for its next try starts at once, with a whole budget. */
  startWaiting(): void {
    for (const life of this.#lives.values()) life.startNow();
  }

  /** The whole group ends: nobody starts again. */
  groupEnds(): void {
    this.#ending = true;
    for (const life of this.#lives.values()) life.groupEnds();
  }

  handle(message: WorkerMessage): void {
    const life = message.workerId === undefined ? undefined : this.#lives.get(message.workerId);
    if (life === undefined) return;
    switch (message.type) {
      case 'looping':
        if (life.looping()) this.#checkAllLooped();
        break;
      case 'stalled':
        if (life.stalled()) this.#listener.workerStalled(life.id);
        break;
      case 'failed':
        this.#onFailed(life, failureOf(this.#spec.name, message.phase, life.id, message.error));
        break;
      case 'finishing':
        life.finishing();
        break;
      case 'completed':
        this.#onCompleted(life);
        break;
      case 'ended':
        this.#onEnded(life, message.killed);
        break;
      case 'stuck':
        this.#onStuck(life);
        break;
    }
  }

  /**
   * Makes the group one of these workers: those that are new start, those that are missing leave, the others go on
   * and hear of the new number. Resolves when all that is done, or when the group ends; false when a worker that
   * leaves sits in a system call, so that its thread cannot be ended.
   */
  async scale(workerIds: readonly number[]): Promise<boolean> {
    const leaving = [...this.#lives.values()].filter(({ id }) => !workerIds.includes(id));
    const starting = workerIds.flatMap((id, index) => (this.#lives.has(id) ? [] : [this.#add(id, index)]));
    this.#host.count(workerIds.length);
    // The highest index first.
    for (const life of leaving.reverse()) life.leave();
    for (const life of starting) life.start();
    const left = Promise.all(leaving.map((life) => this.#leave(life)));
    await Promise.all(starting.map(({ arrived }) => arrived.promise));
    return (await left).every(Boolean);
  }

  async #leave(life: WorkerLife): Promise<boolean> {
    const gone = await life.gone.promise;
    if (!gone || this.#ending) return gone;
    this.#lives.delete(life.id);
    this.#listener.workerLeft(life.id);
    this.#checkAllCompleted();
    return true;
  }

  #add(id: number, index: number): WorkerLife {
    const life = new WorkerLife({
      id,
      index,
      clock: this.#clock,
      orders: {
        start: () => this.#host.startWorker(id, index),
        stop: () => this.#host.stopWorker(id),
        kill: () => this.#host.killWorker(id),
      },
      graceSeconds: this.#spec.stopGraceSeconds,
      startTimeoutSeconds: this.#spec.startTimeoutSeconds,
      onStartTimeout: (late) => this.#onStartTimeout(late),
      onFinishTimeout: (late) => this.#onFinishTimeout(late),
      onKillTimeout: (late) => this.#onStuck(late),
    });
    this.#lives.set(id, life);
    return life;
  }

  #onFailed(life: WorkerLife, failure: Failure): void {
    const { ranSeconds } = life;
    // A thread can fail more than once on its way out: the first failure is what it is about.
    const again = life.state === 'failed';
    if (!life.failed()) return;
    if (again || this.#ending || life.leaving) this.#listener.trouble(failure.problem.message);
    else this.#supervise(life, failure, ranSeconds);
    // A call that hangs does not hear that its worker has failed, or that its group ends.
    if (failure.kind === 'stall') life.kill();
  }

  #supervise(life: WorkerLife, failure: Failure, ranSeconds: number): void {
    // Until every worker has been in its loop, one that never was is a start of the group that fails.
    const starting = !this.#allLooped && !life.hasLooped;
    if (this.#spec.restart.scope !== 'worker' || starting) {
      this.#listener.groupFails(failure, false);
      return;
    }
    const decision = this.#decide(life, 'failed', ranSeconds);
    if (!decision.restart) {
      this.#listener.groupFails(givenUp(failure, decision, this.#spec.restart), false);
      return;
    }
    life.startsAgain(failure.kind, decision);
    this.#listener.workerFailed(failure);
  }

  #decide(life: WorkerLife, outcome: 'failed' | 'completed', ranSeconds: number): RestartDecision {
    return decideRestart(this.#spec.restart, life.history, { outcome, ranSeconds }, this.#random());
  }

  #onCompleted(life: WorkerLife): void {
    const { ranSeconds } = life;
    if (!life.ended('completed')) return;
    if (this.#ending || life.leaving) return;
    if (this.#spec.restart.scope === 'worker') {
      const decision = this.#decide(life, 'completed', ranSeconds);
      if (decision.restart) life.startsAgain('completed', decision);
    }
    if (life.restarts) this.#waitForRestart(life);
    else this.#checkAllCompleted();
  }

  #onEnded(life: WorkerLife, killed: boolean): void {
    // A worker that nobody has asked to end, and that has not failed, is said to have ended by a forger.
    if (!this.#ending && !life.leaving && life.state !== 'failed') return;
    if (!life.ended('ended')) return;
    if (killed) this.#listener.workerKilled(life.id);
    if (life.restarts) this.#waitForRestart(life);
  }

  #onStuck(life: WorkerLife): void {
    if (this.#ending || life.over) return;
    if (life.leaving) {
      life.gone.resolve(false);
      return;
    }
    const detail = `Worker ${life.id} could not be ended, because it sits in a system call: the whole group has to`;
    this.#listener.groupFails(
      { kind: 'stall', problem: new ProblemError('worker_failed', detail), workerId: life.id },
      true,
    );
  }

  #onStartTimeout(life: WorkerLife): void {
    const { name, startTimeoutSeconds } = this.#spec;
    const detail = `Worker ${life.id} of group "${name}" did not start within ${startTimeoutSeconds} s: the module or its setup did not finish`;
    this.#onFailed(life, {
      kind: 'start',
      problem: new ProblemError('start_timeout', detail),
      workerId: life.id,
    });
    life.kill();
  }

  #onFinishTimeout(life: WorkerLife): void {
    const detail = `Worker ${life.id} did not end within the grace of ${this.#spec.stopGraceSeconds} s after its last call: its teardown hangs`;
    this.#onFailed(life, {
      kind: 'exception',
      problem: new ProblemError('worker_failed', detail),
      workerId: life.id,
    });
    life.kill();
  }

  #waitForRestart(life: WorkerLife): void {
    life.waitForRestart((reason) => this.#listener.workerRestarted(life.id, reason));
  }

  #checkAllLooped(): void {
    if (this.#allLooped || [...this.#lives.values()].some(({ hasLooped }) => !hasLooped)) return;
    this.#allLooped = true;
    this.#listener.allLooped();
  }

  #checkAllCompleted(): void {
    if (!this.#ending && this.allCompleted) this.#listener.allCompleted();
  }
}
