import type { ErrorInfo, HostMessage } from './host-message.js';
import type { PoolThread, RunningTask } from './pool.js';
import type { Hook, HostLaunch, Phase } from './protocol.js';
import type { HookCall, ThreadMessage } from './thread/tasks.js';
import { describeThrown } from './thread/thrown.js';

/** What user code threw in the hooks thread, already made into data. */
export class HookFailure extends Error {
  readonly phase: Phase;
  readonly info: ErrorInfo;

  constructor(phase: Phase, info: ErrorInfo) {
    super(info.message);
    this.phase = phase;
    this.info = info;
  }
}

/** The thread in which the hooks of a group run. Its calls come one after the other. */
export class HooksThread {
  readonly #task: RunningTask;
  readonly #send: (message: HostMessage) => void;
  readonly #waiting: {
    phase: Phase;
    resolve: (value: unknown) => void;
    reject: (error: HookFailure) => void;
  }[] = [];
  readonly #loaded: Promise<unknown>;
  #last: Promise<unknown>;
  #hooks: readonly Hook[] = [];
  #dead: ErrorInfo | undefined;

  /**
   * @param onDeath called when the thread ended although nobody asked it to, with no call under way that could
   *   tell of it.
   */
  constructor(
    thread: PoolThread,
    launch: HostLaunch,
    send: (message: HostMessage) => void,
    onDeath: (error: ErrorInfo) => void,
  ) {
    this.#send = send;
    this.#task = thread.run(
      { kind: 'hooks', launch },
      (message) => this.#onMessage(message),
      (error) => onDeath(describeThrown(error)),
    );
    this.#loaded = this.#answer('module');
    this.#last = this.#loaded.catch(() => {});
    this.#task.result.catch((error: unknown) => {
      this.#dead = describeThrown(error);
      const caller = this.#waiting.shift();
      if (caller === undefined) onDeath(this.#dead);
      else caller.reject(new HookFailure(caller.phase, this.#dead));
    });
  }

  /** Resolves when the module is loaded. @throws HookFailure */
  async load(): Promise<void> {
    await this.#loaded;
  }

  /**
   * Calls a hook, if the module has it, after those called before; the control plane is told when it starts and
   * how it ended.
   * @throws HookFailure what the hook threw
   */
  call(hook: Hook): Promise<unknown> {
    const result = this.#last.then(() => this.#call(hook));
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves when the thread has ended its task, or has had the time for it. */
  close(): Promise<void> {
    return this.#task.close();
  }

  async #call(hook: Hook): Promise<unknown> {
    if (!this.#hooks.includes(hook)) return undefined;
    this.#send({ type: 'hook', hook, state: 'started' });
    try {
      if (this.#dead !== undefined) throw new HookFailure('hooks', this.#dead);
      const answer = this.#answer(hook === 'init' ? 'init' : 'hooks');
      this.#task.port.postMessage({ hook } satisfies HookCall);
      const value = await answer;
      this.#send({ type: 'hook', hook, state: 'returned' });
      return value;
    } catch (error) {
      const info = error instanceof HookFailure ? error.info : describeThrown(error);
      this.#send({ type: 'hook', hook, state: 'failed', error: info });
      throw error;
    }
  }

  #answer(phase: Phase): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.push({ phase, resolve, reject }));
  }

  #onMessage(message: ThreadMessage): void {
    switch (message.type) {
      case 'log':
        this.#send({ type: 'log', ...message.line });
        return;
      case 'loaded':
        this.#hooks = message.hooks;
        this.#waiting.shift()?.resolve(undefined);
        return;
      case 'hookReturned':
        this.#waiting.shift()?.resolve(message.value);
        return;
      case 'failed': {
        const caller = this.#waiting.shift();
        caller?.reject(new HookFailure(caller.phase, message.failure.error));
        return;
      }
    }
  }
}
