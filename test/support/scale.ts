/** How much of the repeated tests is run: a share of their full counts, 1 for all of it. */
const SCALE = Number(process.env['PW_TEST_SCALE'] ?? 0.2);

/** How many of `full` rounds a test is to make in this run, at least one. */
export function scaled(full: number): number {
  return Math.max(1, Math.round(full * SCALE));
}

/** Where chance begins: given by PW_TEST_SEED, to see a failure again. A test prints it. */
export function newSeed(): number {
  return Number(process.env['PW_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
}
