import { once } from 'node:events';
import type { LoggerModule } from '../../worker-module.js';
import type { ThreadLog } from './log.js';
import { loadLoggerModule } from './module.js';
import type { LoggersCall, LoggersTask, ThreadMessage } from './tasks.js';
import { describeThrown } from './thrown.js';

/** Calls every logger with every set of metrics. What fails is logged, and the others go on. Never rejects. */
export async function runLoggers({ urls, workersDir, port }: LoggersTask, log: ThreadLog): Promise<void> {
  const closed = once(port, 'close');
  const complain = (url: string, error: unknown) =>
    log.write('error', `Failed to call logger ${url}: ${describeThrown(error).message}`);
  const loggers: { url: string; module: LoggerModule }[] = [];
  for (const url of urls) {
    try {
      loggers.push({ url, module: await loadLoggerModule(url, workersDir) });
    } catch (error) {
      complain(url, error);
    }
  }
  port.on('message', async ({ metrics }: LoggersCall) => {
    for (const { url, module } of loggers) {
      try {
        await module.log(metrics);
      } catch (error) {
        complain(url, error);
      }
    }
    port.postMessage({ type: 'logged' } satisfies ThreadMessage);
  });
  await closed;
}
