import { type Clock, secondsSince, type Timer } from '../clock.js';
import { type Deferred, deferred } from '../deferred.js';
import type { RestartReason, WorkerState } from '../schemas/states.js';
import { NO_RESTARTS, type RestartDecision, type RestartHistory } from './restart-policy.js';
import { nextWorkerState, type WorkerEvent } from './state.js';

/** What one worker can be ordered to do. */
export interface WorkerOrders {
  start(): void;
  stop(): void;
  kill(): void;
}

/** A host says after 2 s at the latest whether a thread could be ended; one that does not hears nothing any more. */
const KILL_SECONDS = 5;

export interface WorkerLifeOptions {
  readonly id: number;
  /** Place in the group. */
  readonly index: number;
  readonly clock: Clock;
  readonly orders: WorkerOrders;
  /** How long it may take to end after it was told to, or after it failed; then it is killed. */
  readonly graceSeconds: number;
  /** How long a start of this worker alone may take. */
  readonly startTimeoutSeconds: number;
  readonly onStartTimeout: (life: WorkerLife) => void;
  /** It has no more work, and has not ended within the grace. */
  readonly onFinishTimeout: (life: WorkerLife) => void;
  /** Its host has not said what became of the order to kill it. */
  readonly onKillTimeout: (life: WorkerLife) => void;
}

/**
 * One worker in one life of its group: its state, by the table, and the one deadline that it can have at a time (to
 * start, to end, to wait for its next try). What follows from a failure is decided by whoever calls.
 */
export class WorkerLife {
  readonly id: number;
  readonly index: number;
  readonly #options: WorkerLifeOptions;
  /** Resolves when it is in its loop, or will not get there by itself. */
  readonly arrived: Deferred<void> = deferred();
  /** Resolves when it was told to leave and nothing of it runs (true), or its thread cannot be ended (false). */
  readonly gone: Deferred<boolean> = deferred();
  #state: WorkerState = 'idle';
  /** Nothing of it runs. */
  #over = true;
  #leaving = false;
  #hasLooped = false;
  #runningSince: number | undefined;
  #history: RestartHistory = NO_RESTARTS;
  #next: { reason: RestartReason; delaySeconds: number } | undefined;
  #restartAt: Date | undefined;
  #startAgain: () => void = () => {};
  #timer: Timer | undefined;

  constructor(options: WorkerLifeOptions) {
    this.id = options.id;
    this.index = options.index;
    this.#options = options;
  }

  get state(): WorkerState {
    return this.#state;
  }
  get over(): boolean {
    return this.#over;
  }
  /** Whether it was told to leave the group. */
  get leaving(): boolean {
    return this.#leaving;
  }
  /** Whether it has been in its loop, in this life of the group. */
  get hasLooped(): boolean {
    return this.#hasLooped;
  }
  get history(): RestartHistory {
    return this.#history;
  }
  /** When it starts again, while it waits for that. */
  get restartAt(): Date | undefined {
    return this.#restartAt;
  }
  /** Whether it starts again once it has ended. */
  get restarts(): boolean {
    return this.#next !== undefined;
  }
  /** How long it has been in its loop since it was last started, in seconds. */
  get ranSeconds(): number {
    return this.#runningSince === undefined ? 0 : secondsSince(this.#options.clock, this.#runningSince);
  }

  /** It starts together with its group, whose deadline covers it. */
  launched(): void {
    if (this.#move('start')) this.#over = false;
  }

  /** It starts alone. */
  start(): void {
    if (!this.#move('start')) return;
    this.#over = false;
    this.#runningSince = undefined;
    this.#restartAt = undefined;
    this.#deadline(this.#options.startTimeoutSeconds, () => this.#options.onStartTimeout(this));
    this.#options.orders.start();
  }

  looping(): boolean {
    if (!this.#move('looping')) return false;
    this.#cancelDeadline();
    this.#hasLooped = true;
    this.#runningSince = this.#options.clock.now();
    this.arrived.resolve();
    return true;
  }

  stalled(): boolean {
    return this.#move('stalled');
  }

  /** It has no more work, and only its teardown is left. */
  finishing(): void {
    if (this.#leaving || !this.#move('stop')) return;
    this.#deadline(this.#options.graceSeconds, () => this.#options.onFinishTimeout(this));
  }

  /** User code of it failed. Its thread gets the grace to end by itself. */
  failed(): boolean {
    const again = this.#state === 'failed';
    if (this.#over || !this.#move('failed')) return false;
    this.arrived.resolve();
    // One that was told to leave has its grace already.
    if (!again && !this.#leaving) this.#deadline(this.#options.graceSeconds, () => this.kill());
    return true;
  }

  /** What `decideRestart` has said: once it has ended, it starts again. */
  startsAgain(reason: RestartReason, decision: RestartDecision & { restart: true }): void {
    this.#history = decision.history;
    this.#next = { reason, delaySeconds: decision.delaySeconds };
  }

  /** Nothing of it runs any more. */
  ended(event: 'ended' | 'completed'): boolean {
    if (this.#over || !this.#move(event)) return false;
    this.#over = true;
    this.#cancelDeadline();
    this.arrived.resolve();
    if (this.#leaving) this.gone.resolve(true);
    return true;
  }

  /** Waits for the next try, then starts and calls `restarted`. */
  waitForRestart(restarted: (reason: RestartReason) => void): void {
    const next = this.#next;
    if (next === undefined || !this.#over) return;
    const { clock } = this.#options;
    this.#restartAt = new Date(clock.date().getTime() + next.delaySeconds * 1000);
    this.#startAgain = () => {
      this.#next = undefined;
      this.start();
      restarted(next.reason);
    };
    this.#deadline(next.delaySeconds, this.#startAgain);
  }

  /** Ends the wait for the next try: somebody has asked for it, and what was before counts no more. */
  startNow(): void {
    if (this.#restartAt === undefined) return;
    this.#history = NO_RESTARTS;
    this.#startAgain();
  }

  /** It leaves the group: cooperatively at first, by force when the grace is over. */
  leave(): void {
    this.#leaving = true;
    this.#stayDown();
    this.#move('stop');
    // Also when nothing of it runs: its host has to forget it.
    this.#options.orders.stop();
    if (this.#over) this.gone.resolve(true);
    else this.#deadline(this.#options.graceSeconds, () => this.kill());
  }

  kill(): void {
    this.#deadline(KILL_SECONDS, () => this.#options.onKillTimeout(this));
    this.#options.orders.kill();
  }

  /** The whole group ends: its own deadlines count from here on. */
  groupEnds(): void {
    this.#stayDown();
    this.#move('stop');
    this.arrived.resolve();
    this.gone.resolve(true);
  }

  #stayDown(): void {
    this.#next = undefined;
    this.#restartAt = undefined;
    this.#cancelDeadline();
  }

  #move(event: WorkerEvent): boolean {
    const next = nextWorkerState(this.#state, event);
    if (next === undefined) return false;
    this.#state = next;
    return true;
  }

  #deadline(seconds: number, callback: () => void): void {
    this.#cancelDeadline();
    this.#timer = this.#options.clock.after(seconds * 1000, callback);
  }

  #cancelDeadline(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
