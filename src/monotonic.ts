/**
 * Monotonic milliseconds since an arbitrary moment that all threads of a process share: `performance.now()` begins anew
 * in each thread, and the time of day can jump.
 */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
