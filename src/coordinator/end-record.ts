import { type Clock, secondsSince } from '../clock.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import { type EndCause, type Ending, type Failure, failureOfExit, problemOf } from './ending.js';
import type { HostExit } from './host.js';

/** How one life of a group comes to its end: what is noted on the way, and what it amounts to when the host is dead. */
export class EndRecord {
  readonly #clock: Clock;
  #cause: EndCause | undefined;
  #askedAt = 0;
  #finished = false;
  readonly #killedAlone: number[] = [];
  #killed: { workers: readonly number[]; why: string } | undefined;
  #trouble: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why it ends; undefined while nothing has asked for it. The first cause stands. */
  get cause(): EndCause | undefined {
    return this.#cause;
  }

  /** Whether the host has said its last word: everything in it has ended. */
  get finished(): boolean {
    return this.#finished;
  }

  get killed(): boolean {
    return this.#killed !== undefined;
  }

  ask(cause: EndCause): void {
    this.#cause = cause;
    this.#askedAt = this.#clock.now();
  }

  /** A last word before the end was asked is a forger's. */
  finish(): void {
    this.#finished = this.#cause !== undefined;
  }

  /** Only its loggers can be at work after its last word, and those hurt nobody. */
  kill(workers: readonly number[], why: string): void {
    if (!this.#finished) this.#killed ??= { workers, why };
  }

  /** The thread of one worker was ended by force. */
  killedWorker(workerId: number): void {
    this.#killedAlone.push(workerId);
  }

  /** Something went wrong on the way: the first is told, where there is nothing worse to tell. */
  trouble(message: string): void {
    this.#trouble ??= message;
  }

  /**
   * The host is dead.
   * @param started whether it had been given anything to do
   * @param runningSince when every worker was in its loop
   */
  conclude(exit: HostExit, spec: GroupSpec, started: boolean, runningSince: number | undefined): Ending {
    const crash = this.#crash(exit, spec, started);
    // A host that nobody has asked to end has crashed.
    if (this.#cause === undefined) this.ask(crash ? { kind: 'failure', failure: crash } : { kind: 'stop' });
    const cause = this.#cause ?? { kind: 'stop' };
    const failed = cause.kind === 'failure' || crash !== undefined;
    return {
      outcome: failed ? 'failed' : cause.kind === 'completed' ? 'completed' : 'stopped',
      cause,
      success: crash === undefined && this.#killed === undefined && this.#killedAlone.length === 0,
      killed: [...this.#killedAlone, ...(this.#killed?.workers ?? [])].sort((a, b) => a - b),
      seconds: secondsSince(this.#clock, this.#askedAt),
      ranSeconds: runningSince === undefined ? 0 : (this.#askedAt - runningSince) / 1000,
      reason: this.#reason(cause, crash),
    };
  }

  #crash(exit: HostExit, { name, limits }: GroupSpec, started: boolean): Failure | undefined {
    const asked = this.#cause !== undefined;
    const expected = asked && (this.#finished || this.#killed !== undefined || !started);
    return expected ? undefined : failureOfExit(name, exit, asked, limits.heapMb);
  }

  #reason(cause: EndCause, crash: Failure | undefined): string | null {
    // Of a failure the first cause is told; what followed from it is in the log.
    const trouble = cause.kind === 'failure' ? undefined : this.#trouble;
    const parts = [problemOf(cause)?.message, this.#killed?.why, crash?.problem.message, trouble];
    const told = new Set(parts.filter((part) => part !== undefined));
    return told.size === 0 ? null : [...told].join('; ').replaceAll('.; ', '; ');
  }
}
