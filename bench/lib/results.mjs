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
 * @returns {{ lines: string[], failed: string[] }} what to print, and the benchmarks that are worse: also those of which a
 * guarded ratio is missing, or of which none is recorded
 */
export function check(results, { benchmarks } = recorded()) {
  const verdicts = Object.entries(results.benchmarks).map(([name, { comparisons }]) => {
    const guarded = (benchmarks[name]?.comparisons ?? []).flatMap(({ id, ratios }) =>
      ratios.filter((ratio) => ratio.guarded).map((ratio) => ({ comparison: id, ...ratio })),
    );
    const lines = guarded.map((before) => {
      const now = comparisons
        .find(({ id }) => id === before.comparison)
        ?.ratios.find(({ id }) => id === before.id);
      const least = LEAST_SHARE * median(before.values);
      const good = now !== undefined && median(now.values) >= least;
      return (
        `${good ? 'ok' : 'FAILED'}: ${before.name}: ${now === undefined ? 'not measured' : median(now.values).toPrecision(3)}, ` +
        `at least ${least.toPrecision(3)} is expected (${median(before.values).toPrecision(3)} was recorded)`
      );
    });
    for (const { id, ratios } of comparisons) {
      for (const { id: ratio, name: what } of ratios.filter((one) => one.guarded)) {
        if (!guarded.some((before) => before.comparison === id && before.id === ratio))
          lines.push(`FAILED: ${what}: nothing is recorded to compare it with`);
      }
    }
    return { name, lines: lines.length > 0 ? lines : [`FAILED: of ${name} no guarded ratio is recorded`] };
  });
  return {
    lines: verdicts.flatMap(({ lines }) => lines),
    failed: verdicts
      .filter(({ lines }) => lines.some((line) => line.startsWith('FAILED')))
      .map(({ name }) => name),
  };
}
