/** So far ahead of its own count, in milliseconds, the wall clock has not drifted: the machine has slept. */
const SLEPT_MS = 5_000;

/**
 * A clock in seconds since 1970 that never goes back. What the browser counts by may stand still while the machine
 * sleeps; then this goes on by the wall clock, so that an hour of calls is not taken for those of a second.
 * @param now milliseconds that never go back
 * @param wall milliseconds since 1970
 */
export function pageClock(now: () => number, wall: () => number): () => number {
  let offset = wall() - now();
  return () => {
    const ahead = wall() - (now() + offset);
    if (ahead > SLEPT_MS) offset += ahead;
    return (now() + offset) / 1000;
  };
}
