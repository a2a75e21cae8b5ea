import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs `body` with a helper program in a process of its own, so that it shares no event loop with whoever measures.
 * `ask` sends it a job and resolves to its answer, one at a time.
 * @param {URL} file of a program that calls `answerJobs`
 * @param {(ask: (job: unknown) => Promise<any>) => Promise<any>} body
 */
export async function withHelper(file, body) {
  const child = fork(file);
  const ended = once(child, 'exit');
  try {
    return await body(async (job) => {
      const answered = once(child, 'message');
      child.send(job);
      const [answer] = await Promise.race([
        answered,
        ended.then(() => {
          throw new Error(`${file.pathname} has ended`);
        }),
      ]);
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.value;
    });
  } finally {
    if (child.connected) child.disconnect();
    await ended;
  }
}

/** In the helper: answers each job, until nobody asks any more. */
export function answerJobs(answer) {
  process.on('message', async (job) => {
    try {
      process.send({ value: await answer(job) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
}
