import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import type { GroupStatus } from '../schemas/group-status.js';
import type { Problem } from '../schemas/problem.js';
import type { StartReport, StopReport } from '../schemas/reports.js';
import { type Address, describeAddress } from './address.js';
import { Refused, Unreachable } from './failures.js';

const CONNECT_MS = 5_000;
/** For what the service answers out of its memory. Commands take as long as they take. */
const READ_MS = 10_000;

export interface ClientOptions {
  readonly address: Address;
  readonly token: string | undefined;
  /** Ends what is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Most that a look may take, connecting included; by default 10 s. */
  readonly readMs?: number;
}

type Method = 'GET' | 'POST';

/** A running service, asked over its REST API. */
export class ServiceClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** All groups, or those with every label (`key=value`). */
  async groups(labels: readonly string[] = []): Promise<GroupStatus[]> {
    return this.#list(await this.#json('GET', `v1/groups${query(labels)}`));
  }

  async group(name: string): Promise<GroupStatus> {
    return this.#json('GET', `v1/groups/${name}`);
  }

  async start(name: string): Promise<GroupStatus> {
    return this.#json('POST', `v1/groups/${name}/start`);
  }

  async stop(name: string): Promise<StopReport> {
    return this.#json('POST', `v1/groups/${name}/stop`);
  }

  async restart(name: string): Promise<GroupStatus> {
    return this.#json('POST', `v1/groups/${name}/restart`);
  }

  async startAll(labels: readonly string[]): Promise<StartReport> {
    return this.#json('POST', `v1/start${query(labels)}`);
  }

  async stopAll(labels: readonly string[]): Promise<StopReport> {
    return this.#json('POST', `v1/stop${query(labels)}`);
  }

  /** The text of /metrics. */
  async metrics(): Promise<string> {
    return (await this.#call('GET', 'metrics')).body;
  }

  #list(body: { groups?: unknown }): GroupStatus[] {
    if (!Array.isArray(body.groups)) throw this.#stranger();
    return body.groups;
  }

  async #json<T>(method: Method, path: string): Promise<T> {
    const { body } = await this.#call(method, path);
    const value = parsed(body);
    if (typeof value !== 'object' || value === null) throw this.#stranger();
    return value as T;
  }

  async #call(method: Method, path: string): Promise<{ body: string }> {
    let response: IncomingMessage;
    let body: string;
    try {
      response = await this.#send(method, path);
      body = await text(response);
    } catch (error) {
      if (error instanceof Unreachable) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      throw new Unreachable(
        `${describeAddress(this.#options.address)} is not reachable: ${reason(code, message)}`,
        { cause: error },
      );
    }
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return { body };
    const { code, detail } = (parsed(body) ?? {}) as Partial<Problem>;
    if (typeof code !== 'string' || typeof detail !== 'string') throw this.#stranger(status);
    throw new Refused(status, code, detail);
  }

  #send(method: Method, path: string): Promise<IncomingMessage> {
    const { address, token, signal, readMs = READ_MS } = this.#options;
    const options: RequestOptions = {
      method,
      agent: false,
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(signal !== undefined && { signal }),
    };
    return new Promise((resolve, reject) => {
      const outgoing =
        address.kind === 'socket'
          ? requestHttp({ ...options, socketPath: address.path, path: `/${path}` })
          : (address.url.protocol === 'https:' ? requestHttps : requestHttp)(
              below(address.url, path),
              options,
            );
      const late = (what: string) => () =>
        outgoing.destroy(new Unreachable(`${describeAddress(address)} ${what}`));
      const connecting = setTimeout(late('does not answer'), Math.min(CONNECT_MS, readMs));
      const reading = method === 'GET' ? setTimeout(late('takes too long to answer'), readMs) : undefined;
      outgoing.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)));
      outgoing.once('response', (response) => {
        clearTimeout(connecting);
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

  #stranger(status?: number): Unreachable {
    const answer = status === undefined ? '' : `, and has answered ${status}`;
    return new Unreachable(
      `${describeAddress(this.#options.address)} is no parallel-workers service${answer}`,
    );
  }
}

function below(url: URL, path: string): URL {
  return new URL(path, url.href.endsWith('/') ? url : `${url.href}/`);
}

function query(labels: readonly string[]): string {
  if (labels.length === 0) return '';
  return `?${new URLSearchParams(labels.map((label): [string, string] => ['label', label]))}`;
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function reason(code: string | undefined, message: string): string {
  if (code === 'ECONNREFUSED') return 'nobody listens there. Does the service run?';
  if (code === 'ENOENT') return 'there is no such socket. Does the service run?';
  if (code === 'ECONNRESET') return 'the connection was lost';
  return message || (code ?? 'for no reason that is known');
}
