import type { LoggerMetrics } from '../worker-module.js';
import { HookFailure, HooksThread } from './hooks-thread.js';
import type { HostMessage, WorkerReport } from './host-message.js';
import { LoggersThread } from './loggers-thread.js';
import { ThreadPool } from './pool.js';
import type { HostCommand, HostLaunch } from './protocol.js';
import { WorkerMemory } from './thread/memory.js';
import type { ThreadMessage } from './thread/tasks.js';
import { describeThrown } from './thread/thrown.js';

/** How often the counters go to the control plane unasked: what a crash can lose at most. */
const REPORT_MS = 500;

interface Worker {
  readonly id: number;
  readonly index: number;
  readonly memory: WorkerMemory;
  threadId: number | undefined;
  looping: boolean;
  /** Settles when the worker's task is over. Never rejects. */
  over: Promise<void>;
}

/** A launched group, in its host. */
interface Running {
  readonly launch: HostLaunch;
  readonly pool: ThreadPool;
  readonly hooks: HooksThread;
  readonly loggers: LoggersThread | undefined;
  readonly workers: readonly Worker[];
  /** Settles when `init` has returned (true) or failed (false). */
  readonly initialised: Promise<boolean>;
  readonly timers: NodeJS.Timeout[];
}

/**
 * The inside of a group host: it runs what the control plane orders in the threads of a pool and tells what
 * happens. No user code runs on its own thread, so it can always hear an order.
 */
export class GroupHost {
  readonly #send: (message: HostMessage) => void;
  readonly #exit: () => void;
  #group: Running | undefined;
  #shared: unknown;
  #stopping = false;

  /** @param exit ends the process, once everything that was sent is out. */
  constructor(send: (message: HostMessage) => void, exit: () => void) {
    this.#send = send;
    this.#exit = exit;
  }

  handle(command: HostCommand): void {
    switch (command.type) {
      case 'init':
        this.#group = this.#launch(command.launch);
        break;
      case 'run':
        this.#run();
        break;
      case 'stop':
        void this.#stop();
        break;
      case 'report':
        this.#report(command.request);
        break;
    }
  }

  #launch(launch: HostLaunch): Running {
    const hasLoggers = launch.loggerUrls.length > 0;
    const { workerIds } = launch.group;
    const pool = new ThreadPool(workerIds.length + (hasLoggers ? 2 : 1), (error) =>
      this.#send({
        type: 'log',
        level: 'error',
        text: `Error in an idle thread: ${describeThrown(error).message}`,
      }),
    );
    const hooks = new HooksThread(pool, launch, this.#send, (error) => {
      if (!this.#stopping) this.#send({ type: 'failed', phase: 'hooks', error });
    });
    return {
      launch,
      pool,
      hooks,
      loggers: hasLoggers ? new LoggersThread(pool, launch.loggerUrls, this.#send) : undefined,
      workers: workerIds.map((id, index) => ({
        id,
        index,
        memory: WorkerMemory.allocate(launch.buckets.length),
        threadId: undefined,
        looping: false,
        over: Promise.resolve(),
      })),
      initialised: this.#init(hooks),
      timers: [],
    };
  }

  async #init(hooks: HooksThread): Promise<boolean> {
    try {
      await hooks.load();
      // A stop that came while the module was loading: init has not begun, and will not.
      if (this.#stopping) return false;
      this.#shared = await hooks.call('init');
      this.#send({ type: 'initialised' });
      return true;
    } catch (error) {
      const { phase, info } =
        error instanceof HookFailure ? error : { phase: 'init' as const, info: describeThrown(error) };
      this.#send({ type: 'failed', phase, error: info });
      return false;
    }
  }

  #run(): void {
    const group = this.#group;
    if (group === undefined || this.#stopping) return;
    for (const worker of group.workers) worker.over = this.#runWorker(group, worker);
    group.timers.push(setInterval(() => this.#report(0), REPORT_MS));
    const { loggers } = group;
    if (loggers === undefined) return;
    loggers.open();
    group.timers.push(
      setInterval(() => loggers.log(this.#metrics(group)), group.launch.logIntervalSeconds * 1000),
    );
  }

  async #runWorker(group: Running, worker: Worker): Promise<void> {
    const { id, index } = worker;
    const { launch } = group;
    const task = {
      kind: 'worker',
      launch,
      workerId: id,
      index,
      shared: this.#shared,
      memory: worker.memory.buffer,
    } as const;
    try {
      const { result } = group.pool.run(task, (message) => this.#onWorkerMessage(group, worker, message));
      const outcome = (await result)?.outcome;
      if (outcome === 'completed' && !this.#stopping) await this.#complete(group, worker);
      else this.#send({ type: 'ended', workerId: id });
    } catch (error) {
      this.#send({
        type: 'failed',
        phase: worker.looping ? 'iteration' : 'setup',
        workerId: id,
        error: describeThrown(error),
      });
      this.#send({ type: 'ended', workerId: id });
    }
  }

  /** A worker without work is told of only when nothing of its module can run any more. */
  async #complete(group: Running, worker: Worker): Promise<void> {
    if (worker.threadId !== undefined) await group.pool.endThread(worker.threadId);
    this.#send({ type: 'completed', workerId: worker.id });
  }

  #onWorkerMessage(group: Running, worker: Worker, message: ThreadMessage): void {
    switch (message.type) {
      case 'looping':
        worker.looping = true;
        worker.threadId = message.threadId;
        if (group.workers.every(({ looping }) => looping)) {
          this.#report(0);
          this.#send({ type: 'running' });
        }
        break;
      case 'failed':
        this.#send({ type: 'failed', workerId: worker.id, ...message.failure });
        break;
      case 'log':
        this.#send({ type: 'log', workerId: worker.id, ...message.line });
        break;
    }
  }

  /** Ends everything in order. What does not end keeps this waiting, until the control plane kills the host. */
  async #stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const group = this.#group;
    if (group !== undefined) {
      for (const { memory } of group.workers) memory.requestStop();
      if (await group.initialised) {
        // Both are told to the control plane by the thread itself, failed or not.
        const shutdown = group.hooks.call('shutdown').catch(() => {});
        await Promise.all(group.workers.map(({ over }) => over));
        await shutdown;
        await group.hooks.call('cleanup').catch(() => {});
      }
      for (const timer of group.timers) clearInterval(timer);
      await group.hooks.close();
    }
    this.#report(0);
    this.#send({ type: 'finished' });
    // What comes now hurts nobody: should it hang, the kill at the end of the grace is no failure of the stop.
    await group?.loggers?.finish(this.#metrics(group));
    await group?.pool.destroy();
    this.#exit();
  }

  #reports(group: Running): WorkerReport[] {
    return group.workers.map(({ id, memory }) => memory.read(id));
  }

  #report(request: number): void {
    const { user, system } = process.cpuUsage();
    this.#send({
      type: 'report',
      request,
      workers: this.#group === undefined ? [] : this.#reports(this.#group),
      rssBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    });
  }

  #metrics(group: Running): LoggerMetrics {
    const workers = this.#reports(group).map((report, index) => ({
      workerId: report.id,
      index,
      worker_time: report.seconds,
      worker_time_count: report.buckets.reduce((sum, count) => sum + count, 0),
      errors: report.errors,
    }));
    const sum = (key: 'worker_time' | 'worker_time_count' | 'errors') =>
      workers.reduce((total, worker) => total + worker[key], 0);
    return {
      group: group.launch.group.name,
      worker_time: sum('worker_time'),
      worker_time_count: sum('worker_time_count'),
      errors: sum('errors'),
      workers,
    };
  }
}
