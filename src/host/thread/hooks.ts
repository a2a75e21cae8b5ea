import { once } from 'node:events';
import { HOOKS } from '../protocol.js';
import { loadWorkerModule } from './module.js';
import type { HookCall, HooksTask, ThreadMessage } from './tasks.js';
import { describeThrown, isNamed } from './thrown.js';

/** Runs the hooks of a group in a thread of their own: init, shutdown and cleanup, when told to. Never rejects. */
export async function runHooks({ launch, port }: HooksTask): Promise<void> {
  const post = (message: ThreadMessage) => port.postMessage(message);
  const closed = once(port, 'close');
  try {
    const module = await loadWorkerModule(launch.moduleUrl, launch.workersDir);
    port.on('message', async ({ hook }: HookCall) => {
      try {
        const { group, coordinator } = launch;
        const value = hook === 'init' ? await module.init?.(group, coordinator) : await module[hook]?.(group);
        post({ type: 'hookReturned', value: hook === 'init' ? value : undefined });
      } catch (error) {
        post({ type: 'failed', failure: { phase: 'hooks', error: describeThrown(asCloneAdvice(error)) } });
      }
    });
    post({ type: 'loaded', hooks: HOOKS.filter((hook) => module[hook] !== undefined) });
  } catch (error) {
    post({
      type: 'failed',
      failure: { phase: 'module', error: describeThrown(error) },
    });
  }
  await closed;
}

function asCloneAdvice(error: unknown): unknown {
  if (!isNamed(error, 'DataCloneError')) return error;
  return new TypeError(
    `init returned something that cannot be given to the workers: ${describeThrown(error).message} Return plain data, buffers or SharedArrayBuffers.`,
  );
}
