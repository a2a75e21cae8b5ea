import { resolve } from 'node:path';
import { UsageError } from './failures.js';

/** Where the service is. */
export type Address =
  | { readonly kind: 'url'; readonly url: URL }
  | { readonly kind: 'socket'; readonly path: string };

const USUAL_PORT = '8080';

/**
 * The address by flag or variable: a flag wins; of the variables PW_URL, which is meant for clients, wins over what the
 * service itself listens on.
 * @throws UsageError
 */
export function readAddress(
  flags: { url?: string | undefined; socket?: string | undefined },
  environment: NodeJS.ProcessEnv,
): Address {
  if (flags.url !== undefined && flags.socket !== undefined)
    throw new UsageError('--url and --socket are both given: leave one of them out');
  if (flags.url !== undefined) return asUrl('--url', flags.url);
  if (flags.socket !== undefined) return asSocket('--socket', flags.socket);
  // An empty variable is one that a compose file or a pod passes on without having it.
  const variable = (name: string) => environment[name] || undefined;
  const url = variable('PW_URL');
  if (url !== undefined) return asUrl('PW_URL', url);
  const socket = variable('PW_SOCKET');
  if (socket !== undefined) return asSocket('PW_SOCKET', socket);
  return asUrl('PW_PORT', `http://127.0.0.1:${variable('PW_PORT') ?? USUAL_PORT}`);
}

/** The address in words. */
export function describeAddress(address: Address): string {
  return address.kind === 'socket' ? address.path : address.url.href.replace(/\/$/, '');
}

function asSocket(source: string, path: string): Address {
  if (path === '') throw new UsageError(`${source} names no path`);
  return { kind: 'socket', path: resolve(path) };
}

function asUrl(source: string, text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new UsageError(`${source}=${text} is no address such as http://127.0.0.1:8080`);
  // They would be shown wherever the address is.
  if (url.username !== '' || url.password !== '')
    throw new UsageError(`${source} holds a password: give the token by --token-file`);
  if (url.search !== '' || url.hash !== '')
    throw new UsageError(`${source}=${text} must end with its path, without "?" and "#"`);
  return { kind: 'url', url };
}
