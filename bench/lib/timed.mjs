/** How long the call takes, in milliseconds, and what it resolves to. */
export async function timed(call) {
  const startedAt = performance.now();
  const result = await call();
  return { milliseconds: performance.now() - startedAt, result };
}
