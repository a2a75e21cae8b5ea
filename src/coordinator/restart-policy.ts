import type { RestartRules } from '../schemas/restart-rules.js';

/**
 * What the policy remembers of a worker, or of a group. Time is counted in seconds of running: while it waits for its
 * next try nothing can go wrong, so a long wait buys no new restarts.
 */
export interface RestartHistory {
  readonly upSeconds: number;
  /** The restarts after failures that are still in the window, each by the `upSeconds` at which it was decided. */
  readonly restarts: readonly number[];
}

export const NO_RESTARTS: RestartHistory = { upSeconds: 0, restarts: [] };

/** How something ended that was to run. */
export interface End {
  readonly outcome: 'failed' | 'completed';
  /** How long it had been running, in seconds; 0 when it never got there. */
  readonly ranSeconds: number;
}

export type RestartDecision =
  | { readonly restart: false; readonly why: 'policy' | 'budget' }
  | { readonly restart: true; readonly delaySeconds: number; readonly history: RestartHistory };

/**
 * Whether what has ended starts again, and after how long. Failures use up the budget of `maxRestarts` in
 * `windowSeconds`, and the more restarts are in the window, the longer is the wait. Work that was completed uses up
 * nothing: under `always` it starts again after the first wait.
 *
 * @param random 0 to 1, for the jitter
 */
export function decideRestart(
  rules: RestartRules,
  history: RestartHistory,
  { outcome, ranSeconds }: End,
  random: number,
): RestartDecision {
  const covered = rules.policy === 'always' || (rules.policy === 'on-failure' && outcome === 'failed');
  if (!covered) return { restart: false, why: 'policy' };
  const upSeconds = history.upSeconds + ranSeconds;
  const recent = history.restarts.filter((at) => upSeconds - at < rules.windowSeconds);
  const delaySeconds = (attempts: number) => backoffSeconds(rules.backoff, attempts, random);
  if (outcome === 'completed')
    return { restart: true, delaySeconds: delaySeconds(0), history: { upSeconds, restarts: recent } };
  if (recent.length >= rules.maxRestarts) return { restart: false, why: 'budget' };
  return {
    restart: true,
    delaySeconds: delaySeconds(recent.length),
    history: { upSeconds, restarts: [...recent, upSeconds] },
  };
}

/** The wait after `attempts` restarts in the window, in seconds. */
function backoffSeconds(
  { initialSeconds, factor, maxSeconds, jitter }: RestartRules['backoff'],
  attempts: number,
  random: number,
): number {
  // 0 times a factor that has become infinite would be no number.
  const grown = initialSeconds === 0 ? 0 : initialSeconds * factor ** attempts;
  return Math.min(maxSeconds, grown) * (1 - jitter * random);
}
