/**
 * What every host gets of the service's environment: where programs, folders and certificates are, language and time
 * zone. NODE_V8_COVERAGE is how coverage of this project's own tests reaches its hosts.
 */
export const PASSED_ON = [
  'PATH',
  'HOME',
  'TMPDIR',
  'LANG',
  'LC_*',
  'TZ',
  'LD_LIBRARY_PATH',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_ENV',
  'NODE_EXTRA_CA_CERTS',
  'NODE_V8_COVERAGE',
];

/** The service's own settings, its tokens among them: no business of user code, whoever names them. */
const OWN = /^PW_/i;

/** A name, or the beginning of names with a star. */
const ENTRY = /^(?:[A-Za-z_][A-Za-z0-9_]*\*?|\*)$/;

/**
 * What is wrong with an entry of `PW_WORKER_ENV`, to follow its text; undefined when nothing is. An entry is the name
 * of a variable, or a prefix with a star: `AWS_*`, or `*` for all but the service's own.
 */
export function wrongWorkerEnv(entry: string): string | undefined {
  if (entry.includes('=')) return 'has a value: give names only, and set the variable for the service itself';
  if (!ENTRY.test(entry)) return 'is no name of a variable, nor a prefix like AWS_*';
  return OWN.test(entry) ? 'is a setting of the service, which hosts never get' : undefined;
}

/**
 * The environment of a host.
 * @param environment that of the service
 * @param named entries of `PW_WORKER_ENV`, which it gets besides what every host gets
 */
export function hostEnvironment(environment: NodeJS.ProcessEnv, named: readonly string[]): NodeJS.ProcessEnv {
  const entries = [...PASSED_ON, ...named];
  const isPassed = (name: string) =>
    !OWN.test(name) &&
    entries.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isPassed(name)));
}
