const FIRST_SECONDS = 1;
const MOST_SECONDS = 15;

/** The longest wait between two looks at a service that answers. */
export const MOST_POLL_SECONDS = 10;

/** The longest that one question of a look may take; it has two. */
export const READ_SECONDS = 10;

/** Who sees what is older than an answer that took so long is told. */
export const LATE_SECONDS = 3;

/** How long to wait before the next try, after so many in a row that failed (1 or more): 1 s, 2, 4, 8, then 15. */
export function retrySeconds(failures: number): number {
  return Math.min(MOST_SECONDS, FIRST_SECONDS * 2 ** (failures - 1));
}

/**
 * How long to wait until the service is asked again: a second, or ten times as long as its last answer took, but
 * not longer than 10 s: up to an answer of a second who watches takes a tenth of the time at most.
 */
export function pollSeconds(tookSeconds: number): number {
  return Math.min(MOST_POLL_SECONDS, Math.max(1, 10 * tookSeconds));
}
