import type { Clock, Timer } from '../clock.js';
import type { RestartReason } from '../schemas/states.js';
import { type Ending, givenUp } from './ending.js';
import type { Incarnation } from './incarnation.js';
import type { Launch } from './launch.js';
import { decideRestart, NO_RESTARTS, type RestartDecision } from './restart-policy.js';

type Restart = RestartDecision & { restart: true };

/** Whether and when a whole group starts again by itself: its history, and the wait that is under way. */
export class GroupRestart {
  readonly #clock: Clock;
  readonly #random: () => number;
  #history = NO_RESTARTS;
  #next: { readonly at: Date; readonly timer: Timer } | undefined;

  /** @param random 0 to 1, for the jitter of waits */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** When the group starts again, while it waits for that; in the past when it waits for others as well. */
  get at(): Date | undefined {
    return this.#next?.at;
  }

  /** A user has started the group: what was before counts no more. */
  forget(): void {
    this.#history = NO_RESTARTS;
  }

  cancel(): void {
    this.#next?.timer.cancel();
    this.#next = undefined;
  }

  /** What the restart policy says to the end of a life; undefined where it has no say. */
  decide(launch: Launch, incarnation: Incarnation, ending: Ending): RestartDecision | undefined {
    const { cause, outcome, ranSeconds } = ending;
    if (outcome === 'stopped' || cause.kind === 'stop' || cause.kind === 'rollback') return undefined;
    if (cause.kind === 'failure' && cause.failure.final === true) return undefined;
    if (!launch.ticket.valid || (launch.together && !incarnation.workersStarted)) return undefined;
    return decideRestart(incarnation.spec.restart, this.#history, { outcome, ranSeconds }, this.#random());
  }

  /** Waits as was decided, then calls `start`. */
  wait({ delaySeconds, history }: Restart, { cause }: Ending, start: (reason: RestartReason) => void): void {
    const milliseconds = delaySeconds * 1000;
    const reason = cause.kind === 'failure' ? cause.failure.kind : 'completed';
    this.#history = history;
    this.#next = {
      at: new Date(this.#clock.date().getTime() + milliseconds),
      timer: this.#clock.after(milliseconds, () => start(reason)),
    };
  }
}

/** What is said of the end of a life, with what the restart policy makes of it. */
export function describeEnd(
  { spec: { restart } }: Incarnation,
  { reason, cause, outcome }: Ending,
  decision: RestartDecision | undefined,
): string | null {
  if (decision?.restart === true && outcome === 'completed')
    return 'All workers have finished; the restart policy "always" starts them again';
  if (decision?.restart !== false || decision.why !== 'budget' || cause.kind !== 'failure') return reason;
  const { message } = cause.failure.problem;
  return (reason ?? message).replace(
    message,
    () => givenUp(cause.failure, decision, restart).problem.message,
  );
}
