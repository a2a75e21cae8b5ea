import { deferred } from '../deferred.js';
import type { LoggerMetrics } from '../worker-module.js';
import type { HostMessage } from './host-message.js';
import { PoolThread, type RunningTask } from './pool.js';
import type { HostLaunch } from './protocol.js';
import type { LoggersCall } from './thread/tasks.js';
import { describeThrown } from './thread/thrown.js';
import { ensureWorkingDirectory } from './working-directory.js';

/** How long the last call of the loggers, at stop, may take before the stop goes on without it. */
const LAST_CALL_MS = 1_000;

/** The thread in which the loggers of a group run. Whatever happens in it is logged and hurts no worker. */
export class LoggersThread {
  readonly #launch: HostLaunch;
  readonly #send: (message: HostMessage) => void;
  #task: RunningTask | undefined;
  /** The call that is under way. */
  #busy: { over: Promise<void>; done: () => void } | undefined;

  constructor(launch: HostLaunch, send: (message: HostMessage) => void) {
    this.#launch = launch;
    this.#send = send;
  }

  /** Loads the loggers, so that what is wrong with one is known before it is needed. */
  open(): void {
    this.#task ??= this.#start();
  }

  /** Hands the metrics to the loggers; does nothing while they are still at the ones before. */
  log(metrics: LoggerMetrics): void {
    if (this.#busy === undefined) void this.#call(metrics);
  }

  /** The last call: resolves when the loggers have returned from it, or when they have had their time. */
  async finish(metrics: LoggerMetrics): Promise<void> {
    const lastCall = (this.#busy?.over ?? Promise.resolve()).then(() => this.#call(metrics));
    const timeout = new Promise<'late'>((resolve) => setTimeout(resolve, LAST_CALL_MS, 'late').unref());
    if ((await Promise.race([lastCall, timeout])) === 'late') {
      this.#complain(`did not return within ${LAST_CALL_MS / 1000} s of the stop`);
    }
    await this.#task?.close();
  }

  #call(metrics: LoggerMetrics): Promise<void> {
    const { promise, resolve } = deferred<void>();
    const done = () => {
      this.#busy = undefined;
      resolve();
    };
    this.#busy = { over: promise, done };
    this.#task ??= this.#start();
    this.#task.port.postMessage({ metrics } satisfies LoggersCall);
    return promise;
  }

  #start(): RunningTask {
    ensureWorkingDirectory();
    const thread = new PoolThread(null);
    const { loggerUrls: urls, workersDir } = this.#launch;
    const task = thread.run({ kind: 'loggers', urls, workersDir }, (message) => {
      if (message.type === 'log') this.#send({ type: 'log', ...message.line });
      if (message.type === 'logged') this.#busy?.done();
    });
    task.result.catch((error: unknown) => {
      this.#complain(`ended their thread: ${describeThrown(error).message}`);
      // The next call gets a new thread.
      this.#task = undefined;
      this.#busy?.done();
    });
    return task;
  }

  #complain(text: string): void {
    this.#send({ type: 'log', level: 'error', text: `The loggers ${text}` });
  }
}
