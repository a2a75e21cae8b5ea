import { readCallTimes } from '../../readings/call-times.js';
import type { GroupStatus } from '../../schemas/group-status.js';
import type { Problem } from '../../schemas/problem.js';
import { READ_SECONDS } from '../model/backoff.js';
import type { Snapshot } from '../model/history.js';
import type { ServiceClock } from '../model/service-clock.js';
import { Lost, Refused } from './failures.js';

/** Nothing that is asked for waits for workers. */
const READ_MS = READ_SECONDS * 1000;

const STRANGER = 'What answers is no parallel-workers service.';

/** A browser has six connections to a service: none of them is to wait for the end of a group. */
const UNAWAITED = 'wait=false';

export interface ClientOptions {
  /** The token to send; undefined: none. */
  readonly token: () => string | undefined;
  readonly clock: ServiceClock;
  /** Seconds of a clock that never goes back. */
  readonly seconds: () => number;
  readonly fetch?: typeof fetch;
}

/** The API of the service that the page comes from. Every call throws Refused or Lost when it gets no good answer. */
export class ApiClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The metrics first: for them the service asks its hosts, and the groups are then as fresh. */
  async snapshot(): Promise<Snapshot> {
    const metrics = await this.#look('metrics');
    const at = this.#options.seconds();
    const { groups } = asJson<{ groups: GroupStatus[] }>(await this.#look('v1/groups'));
    if (!Array.isArray(groups)) throw new Lost(STRANGER);
    return { at, times: readCallTimes(metrics), groups };
  }

  async register(body: unknown): Promise<GroupStatus> {
    return asJson(await this.#command('POST', 'v1/groups', body));
  }

  /** Of this and the following the answer comes when it has begun, and the state tells how it goes on. */
  async start(name: string): Promise<void> {
    await this.#command('POST', `${pathOf(name)}/start?${UNAWAITED}`);
  }

  async stop(name: string): Promise<void> {
    await this.#command('POST', `${pathOf(name)}/stop?${UNAWAITED}`);
  }

  async restart(name: string): Promise<void> {
    await this.#command('POST', `${pathOf(name)}/restart?${UNAWAITED}`);
  }

  async scale(name: string, workers: number): Promise<void> {
    await this.#command('PATCH', `${pathOf(name)}?${UNAWAITED}`, { workers });
  }

  async delete(name: string): Promise<void> {
    await this.#command('DELETE', `${pathOf(name)}?${UNAWAITED}`);
  }

  /** A stream of everything that happens, after the event with that id; without one also of what was last. */
  events(signal: AbortSignal, lastEventId: string | undefined): Promise<Response> {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return this.#send('v1/events?tail=200', { signal, headers });
  }

  /** Lines of a group, as NDJSON: those after the one with that number, or the last ones. */
  async logs(name: string, signal: AbortSignal, after: number | undefined): Promise<string> {
    const from = after === undefined ? 'tail=500' : `after=${after}`;
    const ends = AbortSignal.any([signal, AbortSignal.timeout(READ_MS)]);
    return read(await this.#send(`${pathOf(name)}/logs?${from}`, { signal: ends }));
  }

  async #look(path: string): Promise<string> {
    const response = await this.#send(path, { signal: AbortSignal.timeout(READ_MS) });
    this.#options.clock.note(response.headers.get('date'));
    return read(response);
  }

  async #command(method: string, path: string, body?: unknown): Promise<string> {
    const json = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(READ_MS);
    return read(await this.#send(path, { method, headers, signal, ...json }));
  }

  /** Paths are relative to the page, so that both may be behind a prefix. */
  async #send(path: string, init: RequestInit & { headers?: Record<string, string> }): Promise<Response> {
    const token = this.#options.token();
    const headers = {
      ...init.headers,
      ...(token !== undefined && { authorization: `Bearer ${byteString(token)}` }),
    };
    const { fetch = globalThis.fetch } = this.#options;
    let response: Response;
    try {
      response = await fetch(path, { ...init, headers, credentials: 'omit' });
    } catch (error) {
      if (init.signal?.aborted && init.signal.reason?.name !== 'TimeoutError') throw error;
      throw new Lost('The service does not answer.', { cause: error });
    }
    if (response.ok) return response;
    throw refusal(response, await read(response));
  }
}

/** To fetch the values of headers are bytes; the service takes those of UTF-8. */
function byteString(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('');
}

function pathOf(name: string): string {
  return `v1/groups/${encodeURIComponent(name)}`;
}

async function read(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new Lost('The answer of the service broke off.', { cause: error });
  }
}

function asJson<T>(text: string): T {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Lost(STRANGER, { cause: error });
  }
}

function refusal({ status }: Response, text: string): Error {
  try {
    const problem = JSON.parse(text) as Problem;
    if (typeof problem.code === 'string' && typeof problem.detail === 'string') return new Refused(problem);
  } catch {
    // A proxy, perhaps, that has an error page of its own.
  }
  return new Lost(`What answers is no parallel-workers service: it says ${status}.`);
}
