import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { hostsOf } from './processes.js';
import { type Service, type ServiceOptions, startService, until } from './service.js';
import { workersDir, writeFiles } from './workers-dir.js';

const NEIGHBOUR = 'neighbour';
/** What the neighbour keeps up, in seconds from call to call. */
const PACE_SECONDS = 0.02;
/** Once a fault it is asked for its longest gap, which may be this long on a machine that others use as well. */
const GAP_SECONDS = 1;
/** Tells when a gap between two calls was the longest since it was last asked, by a file that it is asked with. */
const NEIGHBOUR_SOURCE = `
let last = performance.now();
export default async (_id, ctx) => {
  const now = performance.now();
  const gap = (now - last) / 1000;
  last = now;
  if (ctx.iteration > 0 && gap > ${GAP_SECONDS}) ctx.log.error('the neighbour stood still', { gap });
};`;
/** The bound on /livez, whatever a worker does. */
const LIVE_MS = 100;

/** What is expected of a group once the fault has done its work. */
export interface Expected {
  state: string;
  reason?: RegExp | null;
  /** Of the last failure in the status. */
  kind?: string;
  /** Values of series, by their name without the group: `worker_stalls_total` or `worker_restarts_total|reason="host"`. */
  metrics?: Record<string, number>;
}

/** A group that a fault is let loose on. */
export interface Victim {
  readonly name: string;
  readonly service: Service;
  start(): ReturnType<Service['call']>;
  /** Waits for the state, then checks everything that is expected. Returns the status. */
  // biome-ignore lint/suspicious/noExplicitAny: as in Answer.
  expect(expected: Expected): Promise<any>;
}

/**
 * A real service with a group that minds its own business beside whatever a fault does to another, and somebody who
 * asks /livez all the time.
 */
export class FaultBench {
  readonly service: Service;
  readonly directory: string;
  readonly #probe: LivenessProbe;
  #faults = 0;

  private constructor(service: Service, directory: string, probe: LivenessProbe) {
    this.service = service;
    this.directory = directory;
    this.#probe = probe;
  }

  static async start(t: TestContext, options: ServiceOptions = {}): Promise<FaultBench> {
    const directory = workersDir(t, { 'neighbour.mjs': NEIGHBOUR_SOURCE });
    const service = await startService(t, { ...options, workersDir: directory });
    const spec = { name: NEIGHBOUR, module: 'neighbour.mjs', workers: 1, intervalSeconds: PACE_SECONDS };
    await service.register(spec);
    await service.start(NEIGHBOUR);
    return new FaultBench(service, directory, await LivenessProbe.start(t, service.url));
  }

  /**
   * Runs one fault: `source` as the module of a new group. Whatever the body finds, the neighbour has to have kept its
   * pace, /livez to have answered in time, and nothing to be left of the group.
   */
  async fault(
    source: string,
    spec: Record<string, unknown>,
    body: (victim: Victim) => Promise<void>,
  ): Promise<void> {
    // What others do on the machine can hold up an answer; what the fault does, it does again.
    let slowest = await this.#run(source, spec, body);
    if (slowest >= LIVE_MS) slowest = Math.min(slowest, await this.#run(source, spec, body));
    assert.ok(slowest < LIVE_MS, `/livez took ${slowest.toFixed(0)} ms during the fault, twice`);
  }

  /** Returns the longest wait for /livez, in milliseconds. */
  async #run(
    source: string,
    spec: Record<string, unknown>,
    body: (victim: Victim) => Promise<void>,
  ): Promise<number> {
    const { service, directory } = this;
    const name = `fault-${this.#faults++}`;
    writeFiles(directory, { [`${name}.mjs`]: source });
    await service.register({ name, module: `${name}.mjs`, stopGraceSeconds: 1, ...spec });
    const before = await this.#neighbourCalls();
    this.#probe.reset();
    let slowest: number;
    try {
      await body(victimOf(service, name));
      slowest = await this.#probe.slowest();
      // A fault can be over before the neighbour is due: it has to go on in any case.
      await until(
        'the neighbour to go on',
        async () => (await this.#neighbourCalls()) > before + 5 || undefined,
      );
      const still = service.log.filter(({ msg }) => msg === 'the neighbour stood still');
      assert.deepEqual(still, [], `the neighbour is due every ${PACE_SECONDS} s`);
      assert.equal((await service.status(NEIGHBOUR)).state, 'running');
    } finally {
      await service.call('DELETE', `/v1/groups/${name}`);
    }
    await until(
      'no host but the neighbour’s to be left',
      () => hostsOf(service.pid).length === 1 || undefined,
    );
    return slowest;
  }

  /** A path in the workers directory. */
  path(name: string): string {
    return join(this.directory, name);
  }

  async #neighbourCalls(): Promise<number> {
    return (await this.service.metric(`worker_time_seconds_count{group="${NEIGHBOUR}"}`)) ?? 0;
  }
}

export function victimOf(service: Service, name: string): Victim {
  return {
    name,
    service,
    start: () => service.call('POST', `/v1/groups/${name}/start`),
    expect: (expected) => expectGroup(service, name, expected),
  };
}

async function expectGroup(service: Service, name: string, expected: Expected) {
  const status = await service.reaches(name, expected.state);
  if (expected.reason === null) assert.equal(status.reason, null);
  else if (expected.reason !== undefined) assert.match(status.reason ?? '', expected.reason);
  if (expected.kind !== undefined) assert.equal(status.failures.at(-1)?.kind, expected.kind, status.reason);
  for (const [series, value] of Object.entries(expected.metrics ?? {})) {
    const [metric, labels] = series.split('|');
    const full = `${metric}{group="${name}"${labels === undefined ? '' : `,${labels}`}}`;
    assert.equal(await service.metric(full), value, full);
  }
  assert.equal(await service.metric(`worker_group_state{group="${name}",state="${expected.state}"}`), 1);
  return status;
}

/** A server that does nothing, in a process of its own: what the machine itself makes of a request. */
const CONTROL = `
  require('node:http').createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1', function () {
    process.send(this.address().port);
  });
  process.once('disconnect', () => process.exit());`;

/**
 * Asks /livez again and again, and at the same moments a server that does nothing. What /livez takes longer than that is
 * the service's doing; the rest is the machine's, which others use as well.
 */
class LivenessProbe {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #livez: string;
  readonly #control: string;
  #slowest = 0;
  #since = 0;
  #stopped = false;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];

  private constructor(livez: string, control: string) {
    this.#livez = livez;
    this.#control = control;
  }

  static async start(t: TestContext, url: string): Promise<LivenessProbe> {
    const control = spawn(process.execPath, ['--eval', CONTROL], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const [port] = (await once(control, 'message')) as [number];
    const probe = new LivenessProbe(`${url}/livez`, `http://127.0.0.1:${port}/`);
    const run = probe.#run();
    t.after(async () => {
      probe.#stopped = true;
      await run;
      probe.#agent.destroy();
      control.kill('SIGKILL');
    });
    return probe;
  }

  reset(): void {
    this.#slowest = 0;
    this.#since = performance.now();
  }

  /** The longest wait since the reset, in milliseconds; asks at least once more. Fails when there was no answer. */
  async slowest(): Promise<number> {
    await new Promise<void>((resolve) =>
      this.#failure === undefined ? this.#waiting.push(resolve) : resolve(),
    );
    if (this.#failure !== undefined) throw this.#failure;
    return this.#slowest;
  }

  /** Never rejects: what went wrong is for `slowest` to tell. */
  async #run(): Promise<void> {
    while (!this.#stopped && this.#failure === undefined) {
      const waiting = this.#waiting.splice(0);
      const startedAt = performance.now();
      try {
        const [livez, control] = await Promise.all([this.#ask(this.#livez), this.#ask(this.#control)]);
        // One that began before the reset belongs to what was before.
        if (startedAt >= this.#since) this.#slowest = Math.max(this.#slowest, livez - control);
      } catch (error) {
        this.#failure = error as Error;
      }
      for (const resolve of waiting) resolve();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const resolve of this.#waiting) resolve();
  }

  /** How long the answer takes, in milliseconds. Without one, of whichever server, the test has failed. */
  #ask(url: string): Promise<number> {
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      const request = get(url, { agent: this.#agent }, (response) => {
        response.resume();
        response.once('close', () => resolve(performance.now() - startedAt));
      });
      request.once('error', (error) => reject(new Error(`${url} gave no answer`, { cause: error })));
    });
  }
}
