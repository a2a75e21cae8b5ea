/** What is called in the loops: by all contenders in JavaScript the very same functions. */

/**
 * Kept outside, so that no compiler can leave the arithmetic away. A variable would do, were it not that V8 keeps the value
 * boxed in each step where it has inlined `spin` into somebody's loop: five times slower, for some contenders and not for
 * others.
 */
const last = new Int32Array([1]);

export function empty() {}

export async function emptyAsync() {}

/** Arithmetic that needs the processor alone, and nothing of memory. */
export function spin(steps) {
  let value = last[0];
  for (let i = 0; i < steps; i++) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0;
  last[0] = value;
}

const BATCH_STEPS = 200_000;
const BATCHES = 500;

/** How many steps of `spin` take so long on this machine, by the fastest of many batches: others only disturb. */
export function stepsOf(microseconds) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < BATCHES; i++) {
    const startedAt = performance.now();
    spin(BATCH_STEPS);
    least = Math.min(least, performance.now() - startedAt);
  }
  return Math.round((BATCH_STEPS * microseconds) / (least * 1000));
}

/** @param {string} name @throws Error when there is no such function */
export function byName(name) {
  const found = [empty, emptyAsync, spin].find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no function "${name}"`);
  return found;
}
