import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const MODULES = fileURLToPath(new URL('../../test/fixtures/modules/', import.meta.url));

/** An answer of the service. `body` is parsed where it is JSON. */
export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer, it asserts.
  body: any;
}

export interface LogRecord {
  level: number;
  msg: string;
  [key: string]: unknown;
}

/** The real service, in a process of its own, on a free port of loopback. */
export class Service {
  readonly process: ChildProcess;
  readonly url: string;
  readonly log: LogRecord[];

  constructor(process: ChildProcess, url: string, log: LogRecord[]) {
    this.process = process;
    this.url = url;
    this.log = log;
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error('the service has no process');
    return this.process.pid;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'content-type': 'application/json' };
    }
    return answer(await fetch(this.url + path, init));
  }

  /** Registers a group and returns its status; throws the problem when it is refused. */
  async register(spec: Record<string, unknown>) {
    return expectOk(await this.call('POST', '/v1/groups', spec));
  }

  async start(name: string) {
    return expectOk(await this.call('POST', `/v1/groups/${name}/start`));
  }

  /** Stops the group and returns the whole report. */
  async stop(name: string) {
    return expectOk(await this.call('POST', `/v1/groups/${name}/stop`));
  }

  async status(name: string) {
    return expectOk(await this.call('GET', `/v1/groups/${name}`));
  }

  async metrics(): Promise<string> {
    return (await this.call('GET', '/metrics')).body;
  }

  /** The value of one series, named as in the text of /metrics; undefined when there is none. */
  async metric(series: string): Promise<number | undefined> {
    const line = (await this.metrics()).split('\n').find((text) => text.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  /** Waits until the group is in the state, or fails with what it was instead. */
  async reaches(name: string, state: string) {
    return until(`group ${name} to be ${state}`, async () => {
      const status = await this.status(name);
      return status.state === state ? status : undefined;
    });
  }

  /** Sends the signal and waits for the end of the process; returns its exit code, or the signal that ended it. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    const { process } = this;
    if (process.exitCode === null && process.signalCode === null) {
      const exited = once(process, 'exit');
      process.kill(signal);
      await exited;
    }
    return process.exitCode ?? process.signalCode;
  }
}

export interface ServiceOptions {
  workersDir?: string;
  flags?: string[];
  env?: Record<string, string>;
}

/** Starts the service and ends it with the test, whatever becomes of it. */
export async function startService(t: TestContext, options: ServiceOptions = {}): Promise<Service> {
  const flags = ['--port', '0', '--workers-dir', options.workersDir ?? MODULES, ...(options.flags ?? [])];
  const child = spawn(process.execPath, [`${ROOT}dist/server.js`, ...flags], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const log: LogRecord[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.on('exit', (code, signal) =>
      reject(new Error(`the service ended with ${code ?? signal} before it listened`)),
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
      const record = JSON.parse(line) as LogRecord;
      log.push(record);
      const address = /listening at (http:\S+)/.exec(record.msg)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  const service = new Service(child, url, log);
  // The second signal ends it at once, and unlike SIGKILL lets it write its coverage.
  t.after(() => {
    child.kill('SIGTERM');
    return service.end('SIGINT');
  });
  return service;
}

export async function answer(response: Response): Promise<Answer> {
  const text = await response.text();
  const json = response.headers.get('content-type')?.includes('json') === true;
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
}

// biome-ignore lint/suspicious/noExplicitAny: as in Answer.
function expectOk({ status, body }: Answer): any {
  if (status < 300) return body;
  throw new Error(`${status} ${body.code}: ${body.detail}`);
}

/**
 * Waits until the probe returns something. For what can only be seen by asking again, as from outside of a process.
 * @param seconds how long, before it fails with what was awaited
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  seconds = 15,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
