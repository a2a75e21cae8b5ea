import { OWN_SETTING } from '../config/worker-env.js';

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

/**
 * The environment of a host.
 * @param environment that of the service
 * @param named entries of `PW_WORKER_ENV`, which it gets besides what every host gets
 */
export function hostEnvironment(environment: NodeJS.ProcessEnv, named: readonly string[]): NodeJS.ProcessEnv {
  const entries = [...PASSED_ON, ...named];
  const isPassed = (name: string) =>
    !OWN_SETTING.test(name) &&
    entries.some((entry) => (entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : name === entry));
  return Object.fromEntries(Object.entries(environment).filter(([name]) => isPassed(name)));
}
