/** How much of the repeated tests is run: a share of their full counts, 1 for all of them. */
const SCALE = Number(process.env['PW_TEST_SCALE'] ?? 0.2);

/** How many of `full` rounds a test is to make in this run, at least one. */
export function scaled(full: number): number {
  return Math.max(1, Math.round(full * SCALE));
}

/** Where chance begins: given by PW_TEST_SEED, to see a failure again. A test prints it. */
export function newSeed(): number {
  return Number(process.env['PW_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Environment of a service whose hosts come and go by the hundred: each would leave a file of what it has covered, and
 * there is not the memory to read them all. What they cover, other tests do as well.
 */
export const NO_COVERAGE = { NODE_V8_COVERAGE: '' };
