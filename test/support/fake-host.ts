import type { Host, HostExit, HostFactory, HostListener } from '#dist/coordinator/host.js';
import type { HostMessage } from '#dist/host/host-message.js';
import type { HostLaunch, Phase } from '#dist/host/protocol.js';

const ERROR = { name: 'Error', message: 'it broke', stack: '' };

/** A group host without a process: it does what it is asked when a test says so. */
export class FakeHost implements Host {
  readonly pid = 4711;
  readonly group: string;
  /** What the control plane has asked for, in order. */
  readonly asked: string[] = [];
  launch: HostLaunch | undefined;
  dead = false;
  readonly #listener: HostListener;
  readonly #added: number[] = [];
  #obeyed = 0;

  constructor(group: string, listener: HostListener) {
    this.group = group;
    this.#listener = listener;
  }

  init(launch: HostLaunch): void {
    this.launch = launch;
    this.asked.push('init');
  }

  run(): void {
    this.asked.push('run');
  }

  startWorker(workerId: number, index: number): void {
    this.#added.push(workerId);
    this.asked.push(`start ${workerId} at ${index}`);
  }

  stopWorker(workerId: number): void {
    this.asked.push(`stop ${workerId}`);
  }

  killWorker(workerId: number): void {
    this.asked.push(`kill ${workerId}`);
  }

  count(count: number): void {
    this.asked.push(`count ${count}`);
  }

  drain(): void {
    this.asked.push('drain');
  }

  stop(): void {
    this.asked.push('stop');
  }

  kill(): void {
    this.asked.push('kill');
  }

  report(request: number): void {
    this.asked.push(`report ${request}`);
  }

  has(what: string): boolean {
    return this.asked.includes(what);
  }

  /** The ids of all workers that it was ever to start. */
  get workerIds(): number[] {
    return [...new Set([...(this.launch?.group.workerIds ?? []), ...this.#added])];
  }

  say(message: HostMessage): void {
    if (!this.dead) this.#listener.message(message);
  }

  initialised(): void {
    this.say({ type: 'initialised' });
  }

  initFails(message = 'it broke'): void {
    this.say({ type: 'failed', phase: 'init', error: { ...ERROR, message } });
  }

  /** Every worker of the launch is in its loop. */
  running(): void {
    for (const workerId of this.launch?.group.workerIds ?? []) this.workerLoops(workerId);
  }

  workerLoops(workerId: number): void {
    this.say({ type: 'looping', workerId });
  }

  workerThrows(workerId: number, message = 'it broke'): void {
    this.say({ type: 'failed', phase: 'iteration', workerId, error: { ...ERROR, message } });
  }

  workerCompletes(workerId: number): void {
    this.say({ type: 'completed', workerId });
  }

  workerEnds(workerId: number, killed = false): void {
    this.say({ type: 'ended', workerId, killed });
  }

  counts(workerId: number, calls: number): void {
    const buckets = new Array<number>((this.launch?.buckets.length ?? 0) + 1).fill(0);
    buckets[0] = calls;
    const worker = {
      id: workerId,
      seconds: calls / 1000,
      errors: 0,
      buckets,
      progressAt: 1,
      droppedLines: 0,
      droppedMessages: 0,
    };
    this.say({ type: 'report', request: 0, workers: [worker], rssBytes: 1, cpuSeconds: 1 });
  }

  workerFails(phase: Phase, workerId: number, message = 'it broke'): void {
    this.say({ type: 'failed', phase, workerId, error: { ...ERROR, message } });
  }

  workerStalls(workerId: number): void {
    this.say({ type: 'stalled', workerId });
  }

  /** The thread of the worker cannot be ended. */
  workerSticks(workerId: number): void {
    this.say({ type: 'stuck', workerId });
  }

  /** Shows that it lives, and how much memory it has. */
  reports(rssBytes = 1): void {
    this.say({ type: 'report', request: 0, workers: [], rssBytes, cpuSeconds: 1 });
  }

  /** Does what it was asked for since the last time, as far as that concerns one worker. */
  obeysOrders(): void {
    for (; this.#obeyed < this.asked.length; this.#obeyed++) {
      const [order, id] = this.asked[this.#obeyed]?.split(' ') ?? [];
      if (order === 'start') this.workerLoops(Number(id));
      else if (order === 'stop' && id !== undefined) this.workerEnds(Number(id));
      else if (order === 'kill' && id !== undefined) this.workerEnds(Number(id), true);
    }
  }

  /** Does the next thing that a well-behaved host owes. */
  obeys(): void {
    if (this.has('kill')) this.exit();
    else if (this.has('stop')) this.finish();
    else if (this.has('run')) {
      this.running();
      this.obeysOrders();
    } else if (this.has('init')) this.initialised();
  }

  /** Ends as a host does that was asked to stop. */
  finish(): void {
    for (const id of this.workerIds) this.workerEnds(id);
    this.say({ type: 'finished' });
    this.exit({ code: 0, signal: null });
  }

  /** The operating system reports its end. */
  exit(exit: HostExit = { code: null, signal: 'SIGKILL' }): void {
    if (this.dead) return;
    this.dead = true;
    this.#listener.exited(exit);
  }
}

/** Makes fake hosts and remembers all of them. */
export class FakeHosts {
  readonly all: FakeHost[] = [];
  readonly create: HostFactory = ({ name }, listener) => {
    const host = new FakeHost(name, listener);
    this.all.push(host);
    return host;
  };

  alive(group?: string): FakeHost[] {
    return this.all.filter((host) => !host.dead && (group === undefined || host.group === group));
  }

  /** The host of the group that lives. */
  of(group: string): FakeHost {
    const [host] = this.alive(group);
    if (host === undefined) throw new Error(`group ${group} has no host`);
    return host;
  }
}
