import { readFileSync } from 'node:fs';

/** What Linux gives a process that says nothing; where the limit cannot be read. */
const USUAL_LIMIT = 1024;

/** Standard streams, event loop, state files, modules, and whatever is open for a moment. */
const OWN = 64;

/** Three pipes to each host, and one more while it starts. */
const PER_HOST = 4;

/** Beyond that it is memory that counts. */
const MOST_CONNECTIONS = 10_000;

/** A trainer has a few: beyond that, they are to use the sockets of the feeds. */
const MOST_PORT_TAKES = 1_000;

/** How many files and sockets the process may have open at once. */
export function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? USUAL_LIMIT : Number(soft);
  } catch {
    return USUAL_LIMIT;
  }
}

/**
 * The most connections that clients may have open: what is left of the descriptors when all hosts run; a quarter of
 * them in any case.
 * @param hosts the most hosts there can be
 */
export function connectionBound(limit: number, hosts: number): number {
  const left = limit - OWN - PER_HOST * hosts - portTakeBound(limit);
  return Math.min(MOST_CONNECTIONS, Math.max(left, Math.floor(limit / 4)));
}

/** The most connections that takers may have open to one host: its threads need the other descriptors. */
export function takerBound(limit: number): number {
  return Math.min(MOST_CONNECTIONS, Math.floor(limit / 4));
}

/** The most takes that may be under way over the service's port: each has a connection to its host. */
export function portTakeBound(limit: number): number {
  return Math.min(MOST_PORT_TAKES, Math.floor(limit / 8));
}
