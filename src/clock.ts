/** A pending call made by {@link Clock.after}. */
export interface Timer {
  /** The call will not happen any more. Harmless when it already has. */
  cancel(): void;
}

/**
 * All the time the control plane knows. Delays are monotonic, so a jump of the machine's clock moves no timer;
 * tests hand in a clock of their own.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary moment; only differences mean something. */
  now(): number;
  /** Wall time, for people only: never compared or subtracted. */
  date(): Date;
  /** Calls `callback` once, after `milliseconds`. Never keeps the process alive. */
  after(milliseconds: number, callback: () => void): Timer;
}

/** The time that has passed since `startedAt`, a reading of `clock.now()`, in seconds to the microsecond. */
export function secondsSince(clock: Clock, startedAt: number): number {
  return Math.round((clock.now() - startedAt) * 1000) / 1e6;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
