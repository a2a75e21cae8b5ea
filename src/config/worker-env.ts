/** The service's own settings, its tokens among them: no business of user code, whoever names them. */
export const OWN_SETTING = /^PW_/i;

/** A name, or the beginning of names with a star. */
const ENTRY = /^(?:[A-Za-z_][A-Za-z0-9_]*\*?|\*)$/;

/**
 * What is wrong with an entry of `PW_WORKER_ENV`, to follow its text; undefined when nothing is. An entry is the name
 * of a variable, or a prefix with a star: `AWS_*`, or `*` for all but the service's own.
 */
export function wrongWorkerEnv(entry: string): string | undefined {
  if (entry.includes('=')) return 'has a value: give names only, and set the variable for the service itself';
  if (!ENTRY.test(entry)) return 'is no name of a variable, nor a prefix like AWS_*';
  return OWN_SETTING.test(entry) ? 'is a setting of the service, which hosts never get' : undefined;
}
