import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { type Address, describeAddress } from './address.js';
import { CommandFailure, Unreachable } from './failures.js';

const CONNECT_MS = 5_000;
/** For what the service answers out of its memory. Commands take as long as they take. */
const READ_MS = 10_000;
/** After so long without a word the system asks whether the service is still there. */
const KEEP_ALIVE_MS = 30_000;

export interface ClientOptions {
  readonly address: Address;
  readonly token: string | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Most that a look may take, connecting included; by default 10 s. */
  readonly readMs?: number;
}

export interface Asked {
  readonly method: 'GET' | 'POST';
  /** Below the address, without a slash before it. */
  readonly path: string;
  /** An answer that goes on: once it has begun it may take as long as it likes. */
  readonly goesOn?: boolean;
}

/** Asks the service over a connection of its own, and resolves when the head of the answer is there. */
export function exchange(
  { address, token, signal, readMs = READ_MS }: ClientOptions,
  { method, path, goesOn = false }: Asked,
): Promise<IncomingMessage> {
  const options: RequestOptions = {
    method,
    agent: false,
    headers: {
      accept: goesOn ? 'application/x-ndjson, application/json' : 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    ...(signal !== undefined && { signal }),
  };
  return new Promise((resolve, reject) => {
    const outgoing =
      address.kind === 'socket'
        ? requestHttp({ ...options, socketPath: address.path, path: `/${path}` })
        : (address.url.protocol === 'https:' ? requestHttps : requestHttp)(below(address.url, path), options);
    const late = (what: string) => () =>
      outgoing.destroy(new Unreachable(`${describeAddress(address)} ${what}`));
    const connecting = setTimeout(late('does not answer'), Math.min(CONNECT_MS, readMs));
    const reading = method === 'GET' ? setTimeout(late('takes too long to answer'), readMs) : undefined;
    outgoing.once('socket', (socket) => {
      // Whatever takes long, a command or a stream, must not wait for a service that is not there any more.
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.once('connect', () => clearTimeout(connecting));
    });
    outgoing.once('response', (response) => {
      clearTimeout(connecting);
      if (goesOn && isSuccess(response)) clearTimeout(reading);
      resolve(response);
    });
    outgoing.once('close', () => {
      clearTimeout(connecting);
      clearTimeout(reading);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

export function isSuccess({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** What went wrong on the way, as what ends a command. */
export function asFailure(address: Address, error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new Unreachable(`${describeAddress(address)} is not reachable: ${reason(code, message)}`, {
    cause: error,
  });
}

function below(url: URL, path: string): URL {
  return new URL(path, url.href.endsWith('/') ? url : `${url.href}/`);
}

function reason(code: string | undefined, message: string): string {
  if (code === 'ECONNREFUSED') return 'nobody listens there. Does the service run?';
  if (code === 'ENOENT') return 'there is no such socket. Does the service run?';
  if (code === 'ECONNRESET') return 'the connection was lost';
  return message || (code ?? 'for no reason that is known');
}
