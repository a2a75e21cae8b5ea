import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const LOOP = fileURLToPath(new URL('./bare-loop.mjs', import.meta.url));

/**
 * Calls a second of all loops together, which begin at the same time.
 * @param {object} how
 * @param {string} how.name One of `functions.mjs`.
 * @param {number} [how.argument] What it is given.
 * @param {number} how.workers
 * @param {number} how.seconds
 * @param {boolean} [how.processes] A process for each worker instead of a thread.
 */
export async function bareRate({ name, argument, workers, seconds, processes = false }) {
  const data = { name, argument, seconds };
  const loops = Array.from({ length: workers }, () =>
    processes ? fork(LOOP, [JSON.stringify(data)]) : new Worker(LOOP, { workerData: data }),
  );
  try {
    await Promise.all(loops.map(message));
    const rates = loops.map(message);
    for (const loop of loops) processes ? loop.send('go') : loop.postMessage('go');
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
  } finally {
    await Promise.all(loops.map((loop) => (processes ? endOf(loop) : loop.terminate())));
  }
}

async function message(loop) {
  const ended = new AbortController();
  const { signal } = ended;
  const early = once(loop, 'exit', { signal }).then(([code]) => {
    throw new Error(`a bare loop has ended early, with ${code}`);
  });
  try {
    return await Promise.race([once(loop, 'message', { signal }).then(([value]) => value), early]);
  } finally {
    early.catch(() => {});
    ended.abort();
  }
}

async function endOf(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill();
  await exited;
}
