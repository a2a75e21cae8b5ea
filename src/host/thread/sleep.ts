/** Taken before any user code runs, so that a module with fake timers in it does not stop the loop. */
const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** The longest delay that Node's timers take, in milliseconds. */
export const MAX_DELAY_MS = 2 ** 31 - 1;

/** Waits; ends early when the signal fires. @param milliseconds 0 to `MAX_DELAY_MS` */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      // Thousands of them, removed one by one when all end at once, would take their square.
      if (!signal.aborted) signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}

/**
 * Waits until `performance.now()` is `moment`, and lets timers and messages of the thread in at least once; ends early
 * when the signal fires. A timer of Node can be up to a millisecond early.
 */
export async function sleepUntil(moment: number, signal: AbortSignal): Promise<void> {
  do {
    const left = moment - now();
    await sleep(Math.min(MAX_DELAY_MS, Math.max(0, left)), signal);
  } while (now() < moment && !signal.aborted);
}
