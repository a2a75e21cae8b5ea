import { type FailureKind, RESTART_REASONS, type RestartReason } from '../schemas/states.js';

/** How many failures a group remembers: enough to see a pattern, few enough for every answer. */
const REMEMBERED = 10;
/** Characters of a reason in the history; the present one is told whole. */
const MAX_REASON = 500;

/** One failure of a group, or of one of its workers. */
export interface FailureRecord {
  readonly at: Date;
  readonly kind: FailureKind;
  /** The worker that failed; undefined when it was the whole group. */
  readonly workerId: number | undefined;
  readonly reason: string;
}

/** What has happened to a group since it was registered: counts that never go back, and its last failures. */
export class GroupRecord {
  readonly #restarts = new Map<RestartReason, number>(RESTART_REASONS.map((reason) => [reason, 0]));
  #failures: readonly FailureRecord[] = [];
  /** Workers that were killed: they did not end, they stalled, or their host had to be. */
  killed = 0;
  stalls = 0;
  /** Log lines of the host, its hooks and its loggers that were dropped; those of workers are in their counters. */
  droppedLines = 0;

  /** The last failures, the newest last. */
  get failures(): readonly FailureRecord[] {
    return this.#failures;
  }

  /** Restarts by what they came after. */
  get restarts(): ReadonlyMap<RestartReason, number> {
    return this.#restarts;
  }

  get restartsTotal(): number {
    return [...this.#restarts.values()].reduce((sum, count) => sum + count, 0);
  }

  failed(failure: FailureRecord): void {
    const reason = failure.reason.slice(0, MAX_REASON);
    this.#failures = [...this.#failures, { ...failure, reason }].slice(-REMEMBERED);
  }

  restarted(reason: RestartReason): void {
    this.#restarts.set(reason, (this.#restarts.get(reason) ?? 0) + 1);
  }
}
