import { isIPv4, isIPv6 } from 'node:net';
import fp from 'fastify-plugin';
import { ProblemError } from '../../errors.js';
import { isLocal } from './local-connections.js';
import { accessOf } from './route-access.js';

/** Name or address, and perhaps a port. Nothing else may be in a Host header: no user, no path, no space. */
const AUTHORITY = /^(?:\[(?<v6>[\da-f:.]+)\]|(?<name>[\w.-]+))(?::(?<port>\d{0,5}))?$/i;

/**
 * The host that a Host header names, in lower case, without its port and without the dot that may end a name.
 * Undefined when the header is not of the form `name`, `name:port`, `1.2.3.4:port` or `[::1]:port`.
 */
export function hostOf(header: string): { host: string; isAddress: boolean; port?: string } | undefined {
  const { v6, name, port } = AUTHORITY.exec(header)?.groups ?? {};
  const rest = port === undefined ? {} : { port };
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6.toLowerCase(), isAddress: true, ...rest } : undefined;
  if (name === undefined) return undefined;
  const host = name.toLowerCase().replace(/\.$/, '');
  return host === '' ? undefined : { host, isAddress: isIPv4(host), ...rest };
}

export interface HostOptions {
  /** Names, without a port, by which clients may call the service besides localhost and addresses. */
  readonly allowedHosts?: readonly string[] | undefined;
}

/**
 * Refuses names that nobody allowed. A page can have its own name point to this machine (DNS rebinding), and its
 * browser then takes the service for that page's own; but the browser says the name in Host. An address cannot be
 * rebound, nor can localhost.
 */
export const hosts = fp(
  async (app, { allowedHosts = [] }: HostOptions) => {
    const allowed = new Set(['localhost', ...allowedHosts.map(asName)]);
    app.addHook('onRequest', async (request) => {
      const { host: header } = request.raw.headers;
      // Without Host it is HTTP/1.0, which no browser speaks.
      if (header === undefined || accessOf(request) === 'probe' || isLocal(request.raw.socket)) return;
      const named = hostOf(header);
      if (named !== undefined && (named.isAddress || allowed.has(named.host))) return;
      const detail =
        named === undefined
          ? 'The Host header is not of the form name:port.'
          : `The service does not go by the name "${named.host}": add it to PW_ALLOWED_HOSTS if it should, or call the service by its address.`;
      throw new ProblemError('host_not_allowed', detail);
    });
  },
  { name: 'hosts' },
);

function asName(text: string): string {
  const named = hostOf(text.trim());
  if (named !== undefined && named.port === undefined) return named.host;
  throw new Error(`"${text}" is not a host name without a port`);
}
