import { startService } from '../dist-test/support/service.js';

/** Runs `body` with a real service, which ends with it. */
export async function withService(body, options) {
  const ends = [];
  try {
    return await body(await startService({ after: (end) => ends.push(end) }, options));
  } finally {
    for (const end of ends) await end();
  }
}

export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

export const median = (values) => quantile(values, 0.5);

/** A row of a table: the name, then median and spread of the values, in `unit`. */
export function row(name, values, unit, digits = 0) {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  );
  console.log(
    `  ${name.padEnd(52)} ${middle.padStart(12)} ${unit}   (${least} to ${most}, ${values.length} rounds)`,
  );
}

export async function timed(call) {
  const startedAt = performance.now();
  const result = await call();
  return { milliseconds: performance.now() - startedAt, result };
}
