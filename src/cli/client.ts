import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { GroupStatus } from '../schemas/group-status.js';
import type { Problem } from '../schemas/problem.js';
import type { StartReport, StopReport } from '../schemas/reports.js';
import { describeAddress } from './address.js';
import { type Asked, asFailure, type ClientOptions, exchange, isSuccess } from './exchange.js';
import { Refused, Unreachable } from './failures.js';

/** Which lines of a log; each as the API has it. */
export interface LogQuery {
  readonly tail?: number | undefined;
  readonly worker?: number | undefined;
  readonly level?: string | undefined;
  /** `seq` of the last line that was seen. */
  readonly after?: number | undefined;
}

type Method = Asked['method'];

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
    return this.#call({ method: 'GET', path: 'metrics' });
  }

  /** Lines of a group's log that there are, each of them JSON. */
  async logs(name: string, query: LogQuery): Promise<string[]> {
    const body = await this.#call({ method: 'GET', path: logsPath(name, query) }, NDJSON);
    return body.split('\n').filter((line) => line !== '');
  }

  /**
   * Those lines, and all that follow, as many at a time as have come. It ends when the service ends it, as when the group is
   * deleted; a connection that is lost is thrown as Unreachable, and half a line is no line.
   */
  async followLogs(name: string, query: LogQuery): Promise<AsyncGenerator<string[], void>> {
    const path = logsPath(name, { ...query, follow: true });
    const response = await this.#open({ method: 'GET', path, goesOn: true }, NDJSON);
    return this.#lines(response);
  }

  async *#lines(response: IncomingMessage): AsyncGenerator<string[], void> {
    let rest = '';
    try {
      for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (lines.length > 0) yield lines;
      }
    } catch (error) {
      throw asFailure(this.#options.address, error);
    }
  }

  #list(body: { groups?: unknown }): GroupStatus[] {
    if (!Array.isArray(body.groups)) throw this.#stranger();
    return body.groups;
  }

  async #json<T>(method: Method, path: string): Promise<T> {
    const value = parsed(await this.#call({ method, path }));
    if (typeof value !== 'object' || value === null) throw this.#stranger();
    return value as T;
  }

  /** The body of an answer that is no problem. @throws Refused, Unreachable */
  async #call(asked: Asked, type?: string): Promise<string> {
    const response = await this.#open(asked, type);
    return this.#read(response);
  }

  /**
   * An answer that is no problem, of which the head is there.
   * @param type what its content must be; without it the caller looks itself
   */
  async #open(asked: Asked, type?: string): Promise<IncomingMessage> {
    const { address } = this.#options;
    const response = await exchange(this.#options, asked).catch((error: unknown) => {
      throw asFailure(address, error);
    });
    if (isSuccess(response)) {
      if (type === undefined || response.headers['content-type']?.startsWith(type) === true) return response;
      response.destroy();
      throw this.#stranger();
    }
    const { code, detail } = (parsed(await this.#read(response)) ?? {}) as Partial<Problem>;
    const { statusCode: status = 0 } = response;
    if (typeof code !== 'string' || typeof detail !== 'string') throw this.#stranger(status);
    throw new Refused(status, code, detail);
  }

  async #read(response: IncomingMessage): Promise<string> {
    try {
      return await text(response);
    } catch (error) {
      throw asFailure(this.#options.address, error);
    }
  }

  #stranger(status?: number): Unreachable {
    const answer = status === undefined ? '' : `, and has answered ${status}`;
    return new Unreachable(
      `${describeAddress(this.#options.address)} is no parallel-workers service${answer}`,
    );
  }
}

const NDJSON = 'application/x-ndjson';

function logsPath(name: string, query: LogQuery & { readonly follow?: boolean }): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([key, value]): [string, string] => [key, String(value)]));
  return `v1/groups/${name}/logs?${search}`;
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
