import { readFileSync, writeFileSync } from 'node:fs';
import { median } from './stats.mjs';

/** What was measured last, whole and on a quiet machine: `docs/benchmarks.md` is made of it. */
export const RECORDED = new URL('../results.json', import.meta.url);

/** @returns {{ benchmarks: Record<string, object> }} */
export function recorded() {
  return JSON.parse(readFileSync(RECORDED, 'utf8'));
}

/** Puts the benchmarks that were run in the place of those that were recorded; the others stay. */
export function record(results) {
  const benchmarks = { ...recorded().benchmarks, ...results.benchmarks };
  writeFileSync(RECORDED, `${JSON.stringify({ benchmarks }, null, 2)}\n`);
}

/** Of the recorded ratio, what a run may have and still pass: machines differ, and a quick run is a short one. */
const LEAST_SHARE = 0.5;

/**
 * Compares the guarded ratios of a run with the recorded ones. Only ratios to peers of the same run count, no times.
 * @returns {{ lines: string[], failed: boolean }} also failed when nothing was compared, or a guarded one is missing
 */
export function check(results, { benchmarks } = recorded()) {
  const lines = [];
  let failed = false;
  for (const [name, { comparisons }] of Object.entries(results.benchmarks)) {
    for (const { id, ratios } of benchmarks[name]?.comparisons ?? []) {
      for (const { id: ratio, name: what, values } of ratios.filter(({ guarded }) => guarded)) {
        const now = comparisons.find((one) => one.id === id)?.ratios.find((one) => one.id === ratio);
        const least = LEAST_SHARE * median(values);
        const good = now !== undefined && median(now.values) >= least;
        failed ||= !good;
        lines.push(
          `${good ? 'ok' : 'FAILED'}: ${what}: ${now === undefined ? 'not measured' : median(now.values).toPrecision(3)}, ` +
            `at least ${least.toPrecision(3)} is expected (${median(values).toPrecision(3)} was recorded)`,
        );
      }
    }
  }
  return lines.length > 0
    ? { lines, failed }
    : { lines: ['FAILED: no guarded ratio was measured'], failed: true };
}
