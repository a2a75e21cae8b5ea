/** The first version whose permission model is worth a promise: below it, it is experimental. */
const LEAST_MAJOR = 24;

/** Why hosts cannot be fenced here; undefined when they can. */
export function fenceRefusal(version = process.versions.node): string | undefined {
  if (Number.parseInt(version, 10) >= LEAST_MAJOR) return undefined;
  return `a permission fence needs Node ${LEAST_MAJOR} or later, and this service runs on ${version}`;
}
