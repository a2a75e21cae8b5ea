import { GroupFeed } from '../feed/group-feed.js';
import { monotonicMs } from '../monotonic.js';
import type { LoggerMetrics } from '../worker-module.js';
import { HookFailure, HooksThread } from './hooks-thread.js';
import type { HostMessage, WorkerReport } from './host-message.js';
import { HostWorker } from './host-worker.js';
import { LoggersThread } from './loggers-thread.js';
import { setPriority } from './priority.js';
import type { HostCommand, HostLaunch } from './protocol.js';
import { describeThrown } from './thread/thrown.js';
import type { ThreadSupply } from './thread-supply.js';

/** How often the counters go to the control plane unasked: what a crash can lose at most. */
const REPORT_MS = 500;

/** How often resident memory is looked at where it has a limit. */
const MEMORY_CHECK_MS = 100;

/** How often calls are looked at for stalls: a tenth of the time-out, within these bounds. */
const STALL_CHECK_MS = { least: 10, most: 250 };

/** By so much later than planned a check comes only after a pause. */
const PAUSE_MS = 250;

const MIB = 1024 * 1024;

/** A launched group, in its host. */
interface Running {
  readonly launch: HostLaunch;
  readonly hooks: HooksThread;
  readonly loggers: LoggersThread | undefined;
  readonly feed: GroupFeed | undefined;
  readonly workers: Map<number, HostWorker>;
  /** Settles when `init` has returned (true) or failed (false). */
  readonly initialised: Promise<boolean>;
  readonly timers: NodeJS.Timeout[];
  /** What workers have counted that have left the group, for the loggers. */
  readonly left: { worker_time: number; worker_time_count: number; errors: number };
}

/**
 * The inside of a group host: it runs what the control plane orders in threads and tells what happens. No user code
 * runs on its own thread, so it can always hear an order.
 */
export class GroupHost {
  readonly #send: (message: HostMessage) => void;
  readonly #exit: () => void;
  readonly #threads: ThreadSupply;
  #group: Running | undefined;
  #shared: unknown;
  #count = 0;
  #stopping = false;

  /** @param exit ends the process, once everything that was sent is out. */
  constructor(send: (message: HostMessage) => void, exit: () => void, threads: ThreadSupply) {
    this.#send = send;
    this.#exit = exit;
    this.#threads = threads;
  }

  handle(command: HostCommand): void {
    switch (command.type) {
      case 'init':
        this.#group = this.#launch(command.launch);
        break;
      case 'run':
        this.#run();
        break;
      case 'startWorker':
        this.#startWorker(command.workerId, command.index);
        break;
      case 'stopWorker':
        this.#stopWorker(command.workerId);
        break;
      case 'killWorker':
        void this.#group?.workers.get(command.workerId)?.kill();
        break;
      case 'count':
        this.#count = command.count;
        for (const worker of this.#group?.workers.values() ?? []) worker.setCount(command.count);
        break;
      case 'drain':
        this.#group?.feed?.drained(() => this.#send({ type: 'drained' }));
        break;
      case 'stop':
        void this.#stop(command.completed);
        break;
      case 'report':
        this.#report(command.request);
        break;
    }
  }

  #launch(launch: HostLaunch): Running {
    // Before any other thread is started: threads inherit it.
    setPriority(launch.nice);
    const { rssMb } = launch;
    // Before any user code runs, too: the mode of its socket comes from the whole process.
    const feed =
      launch.feed === null
        ? undefined
        : new GroupFeed(launch.feed, (text) => this.#send({ type: 'log', level: 'warn', text }));
    const listening = feed?.listen();
    const { workerIds } = launch.group;
    this.#count = workerIds.length;
    const hooks = new HooksThread(this.#threads.take(null), launch, this.#send, (error) => {
      if (!this.#stopping) this.#send({ type: 'failed', phase: 'hooks', error });
    });
    // All threads come up while the module is being loaded and init runs, which takes 20 to 40 ms off a start.
    const workers = workerIds.map((id, index) => this.#newWorker(launch, feed, id, index));
    this.#threads.endReady();
    return {
      launch,
      hooks,
      loggers: launch.loggerUrls.length > 0 ? new LoggersThread(launch, this.#send) : undefined,
      feed,
      workers: new Map(workers.map((worker) => [worker.id, worker])),
      initialised: this.#init(hooks, listening),
      left: { worker_time: 0, worker_time_count: 0, errors: 0 },
      // From here on: init may load whole data sets.
      timers: rssMb === null ? [] : [setInterval(() => this.#checkMemory(rssMb), MEMORY_CHECK_MS)],
    };
  }

  #newWorker(launch: HostLaunch, feed: GroupFeed | undefined, id: number, index: number): HostWorker {
    return new HostWorker(id, index, {
      launch,
      send: this.#send,
      sendReport: (report) => this.#sendReport(0, [report]),
      feed,
      takeThread: () => this.#threads.take(launch.heapMb),
    });
  }

  async #init(hooks: HooksThread, listening: Promise<void> | undefined): Promise<boolean> {
    try {
      if (listening !== undefined) {
        await listening;
        this.#send({ type: 'serving' });
      }
    } catch (error) {
      this.#send({ type: 'failed', phase: 'feed', error: describeThrown(error) });
      return false;
    }
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
    for (const worker of group.workers.values()) worker.start(this.#shared, this.#count, false);
    const { launch, loggers, timers } = group;
    const every = (milliseconds: number, call: () => void) => timers.push(setInterval(call, milliseconds));
    every(REPORT_MS, () => {
      group.feed?.tick();
      this.#report(0);
    });
    const { iterationTimeoutSeconds } = launch;
    if (iterationTimeoutSeconds !== null) {
      const { least, most } = STALL_CHECK_MS;
      const checkMs = Math.min(most, Math.max(least, iterationTimeoutSeconds * 100));
      let checkedAt = monotonicMs();
      let notBefore = 0;
      every(checkMs, () => {
        const now = monotonicMs();
        // Late like this is not a busy worker, but a machine or a process that was paused: its calls were, too.
        if (now - checkedAt > checkMs + PAUSE_MS) notBefore = now;
        checkedAt = now;
        for (const worker of group.workers.values()) worker.checkStall(notBefore);
      });
    }
    if (loggers === undefined) return;
    loggers.open();
    every(launch.logIntervalSeconds * 1000, () => loggers.log(this.#metrics(group)));
  }

  #startWorker(id: number, index: number): void {
    const group = this.#group;
    if (group === undefined || this.#stopping) return;
    const known = group.workers.get(id);
    const worker = known ?? this.#newWorker(group.launch, group.feed, id, index);
    group.workers.set(id, worker);
    worker.start(this.#shared, this.#count, known !== undefined);
  }

  /** A worker that is asked to end alone leaves the group: it is forgotten when its last counters are told. */
  #stopWorker(id: number): void {
    const group = this.#group;
    const worker = group?.workers.get(id);
    if (group === undefined || worker === undefined) return;
    worker.requestStop();
    void worker.over.then(() => {
      if (this.#stopping || !group.workers.delete(id)) return;
      group.feed?.forget(id);
      const { seconds, buckets, errors } = worker.read();
      group.left.worker_time += seconds;
      group.left.worker_time_count += calls(buckets);
      group.left.errors += errors;
    });
  }

  /** The control plane is told at once: it decides, and half a second is enough for gigabytes. */
  #checkMemory(rssMb: number): void {
    if (process.memoryUsage.rss() > rssMb * MIB) this.#report(0);
  }

  /** Ends everything in order. What does not end keeps this waiting, until the control plane kills the host. */
  async #stop(completed: boolean): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const group = this.#group;
    if (group !== undefined) {
      // First, so that nobody takes the end of the feed for a failure.
      for (const worker of group.workers.values()) worker.requestGroupStop();
      // Wakes whoever waits for room.
      group.feed?.close(completed);
      if (await group.initialised) {
        // Both are told to the control plane by the thread itself, failed or not.
        const shutdown = group.hooks.call('shutdown').catch(() => {});
        await Promise.all([...group.workers.values()].map(({ over }) => over));
        await shutdown;
        await group.hooks.call('cleanup').catch(() => {});
      }
      for (const timer of group.timers) clearInterval(timer);
      await Promise.all([group.hooks.close(), group.feed?.end()]);
    }
    this.#report(0);
    this.#send({ type: 'finished' });
    // What comes now hurts nobody: should it hang, the kill at the end of the grace is no failure of the stop.
    await group?.loggers?.finish(this.#metrics(group));
    this.#exit();
  }

  #report(request: number): void {
    this.#sendReport(
      request,
      [...(this.#group?.workers.values() ?? [])].map((worker) => worker.read()),
    );
  }

  #sendReport(request: number, workers: WorkerReport[]): void {
    const { user, system } = process.cpuUsage();
    this.#send({
      type: 'report',
      request,
      workers,
      rssBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      ...(this.#group?.feed && { feed: this.#group.feed.report() }),
    });
  }

  #metrics(group: Running): LoggerMetrics {
    const workers = [...group.workers.values()].map((worker) => {
      const { id, seconds, buckets, errors } = worker.read();
      return {
        workerId: id,
        index: worker.index,
        worker_time: seconds,
        worker_time_count: calls(buckets),
        errors,
      };
    });
    const sum = (key: 'worker_time' | 'worker_time_count' | 'errors') =>
      workers.reduce((total, worker) => total + worker[key], group.left[key]);
    return {
      group: group.launch.group.name,
      worker_time: sum('worker_time'),
      worker_time_count: sum('worker_time_count'),
      errors: sum('errors'),
      workers,
    };
  }
}

function calls(buckets: readonly number[]): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}
