/** Makes `docs/benchmarks.md` and its plots of what is recorded. */
export function writeReport() {
  throw new Error('not written yet');
}
