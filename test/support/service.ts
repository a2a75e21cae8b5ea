import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { hostsOf, isAlive, sparesOf } from './processes.js';

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

/** How long a service may take until it listens: it takes less than one on a machine at rest. */
const LISTEN_SECONDS = 30;

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

  /**
   * Waits until that many workers of the group have said that they are in their first call, as the fixtures do that
   * are stuck in it: a start answers before that.
   */
  async inTheCall(name: string, workers: number): Promise<void> {
    await until(`${workers} workers of group ${name} to be in their call`, () => {
      const told = this.log.filter(({ msg, group }) => msg === 'in the call' && group === name);
      return told.length >= workers || undefined;
    });
  }

  /** Sends the signal and waits for the end of the process; returns its exit code, or the signal that ended it. */
  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    return endOf(this.process, signal);
  }
}

export interface ServiceOptions {
  workersDir?: string;
  /** Where its groups survive it; by default a directory that goes with the test. */
  stateDir?: string;
  /** Whether it listens on a free port; without one it needs a socket, and has no `url`. */
  port?: boolean;
  flags?: string[];
  env?: Record<string, string>;
  /** What runs the command line that follows it, as `['nice']` would; it must end in an exec. */
  launcher?: string[];
  /** The Node that runs the service; this one by default. */
  node?: string;
}

/** Starts the service and ends it with the test, whatever becomes of it. */
export async function startService(t: TestContext, options: ServiceOptions = {}): Promise<Service> {
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'parallel-workers-state-'));
  const port = options.port === false ? [] : ['--port', '0'];
  const flags = [...port, '--workers-dir', options.workersDir ?? MODULES, ...(options.flags ?? [])];
  const [command = '', ...args] = [
    ...(options.launcher ?? []),
    options.node ?? process.execPath,
    `${ROOT}dist/server.js`,
    ...flags,
  ];
  // What a test gives is meant for its workers, too.
  const forWorkers = Object.keys(options.env ?? {}).filter((name) => !name.startsWith('PW_'));
  const child = spawn(command, args, {
    env: {
      ...process.env,
      PW_STATE_DIR: stateDir,
      PW_WORKER_ENV: forWorkers.join(),
      // No limit of the rate: tests ask faster than any good client.
      PW_RATE_LIMIT: '0',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // The second signal ends it at once, and unlike SIGKILL lets it write its coverage.
  t.after(async () => {
    const hosts = child.pid === undefined ? [] : [...hostsOf(child.pid), ...sparesOf(child.pid)];
    child.kill('SIGTERM');
    await endOf(child, 'SIGINT');
    // They hear of the end by their channel, a moment later, and until then they may write to the state directory.
    const gone = () => hosts.every(({ pid }) => !isAlive(pid)) || undefined;
    await until('the hosts to be gone', gone).catch(() => {});
    if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true });
  });
  const log: LogRecord[] = [];
  const listening = new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`the service ended with ${code ?? signal} before it listened`)),
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
      const record = asRecord(line);
      log.push(record);
      const address = /listening at (http:\S+|\/\S+)/.exec(record.msg)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  const told = () => `the service to listen; it has said:\n${log.map(({ msg }) => msg).join('\n')}`;
  return new Service(child, await within(LISTEN_SECONDS, listening, told), log);
}

/** A line of the log. One that is none is kept as a message: it says what went wrong. */
function asRecord(line: string): LogRecord {
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return { level: 0, msg: line };
  }
}

/** Sends the signal and waits for the end of the process, unless it has ended already. */
async function endOf(child: ChildProcess, signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }
  return child.exitCode ?? child.signalCode;
}

/** The value of the promise, or an error that says what was awaited in vain. */
async function within<T>(seconds: number, promise: Promise<T>, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${seconds} s in vain for ${what()}`)), seconds * 1000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
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
