import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { FixedThreadPool } from 'poolifier';
import { Tinypool } from 'tinypool';
import workerpool from 'workerpool';

const path = (file) => fileURLToPath(new URL(file, import.meta.url));
const FUNCTIONS = path('../lib/loops/functions.mjs');

/**
 * A pool of which each task is one call of a function of `functions.mjs`.
 * @typedef {object} Pool
 * @property {string} id
 * @property {string} name
 * @property {number} inFlight How many tasks are under way or wait at a time: what `in-flight.mjs` has found to be best.
 * @property {(name: string, threads: number) => { run(argument?: number): Promise<unknown>, end(): Promise<unknown> }} open
 */

/** Each with the options with which it was the fastest. @type {Pool[]} */
export const POOLS = [
  {
    id: 'piscina',
    name: 'piscina, a task per iteration',
    inFlight: 32,
    open(name, threads) {
      const pool = new Piscina({
        filename: FUNCTIONS,
        name,
        minThreads: threads,
        maxThreads: threads,
        // A thread has its next tasks before it has answered the last one; with 1, the default, it waits for each.
        concurrentTasksPerWorker: 64,
      });
      return { run: (argument) => pool.run(argument), end: () => pool.destroy() };
    },
  },
  {
    id: 'tinypool',
    name: 'tinypool, a task per iteration',
    inFlight: 128,
    open(name, threads) {
      const pool = new Tinypool({
        filename: FUNCTIONS,
        name,
        minThreads: threads,
        maxThreads: threads,
        concurrentTasksPerWorker: 64,
      });
      return { run: (argument) => pool.run(argument), end: () => pool.destroy() };
    },
  },
  {
    id: 'poolifier',
    name: 'poolifier (FixedThreadPool), a task per iteration',
    inFlight: 128,
    open(name, threads) {
      let left = threads;
      let resolve;
      const exited = new Promise((done) => {
        resolve = done;
      });
      const pool = new FixedThreadPool(threads, path('./tasks/poolifier.mjs'), {
        workerOptions: { workerData: { name } },
        enableEvents: false,
        exitHandler: () => {
          left--;
          if (left === 0) resolve();
        },
      });
      // Its destroy() waits for ever for a thread that has ended before it was told to.
      const end = () => Promise.race([pool.destroy(), exited]);
      return { run: (argument) => pool.execute(argument), end };
    },
  },
  {
    id: 'workerpool',
    name: 'workerpool, a task per iteration',
    inFlight: 8,
    open(name, threads) {
      const pool = workerpool.pool(path('./tasks/workerpool.mjs'), {
        workerType: 'thread',
        minWorkers: threads,
        maxWorkers: threads,
      });
      return { run: (argument) => pool.exec(name, [argument]), end: () => pool.terminate() };
    },
  },
];

/** Tasks a second, with so many of them in flight all the time. */
export async function taskRate(pool, { inFlight, argument, seconds }) {
  let tasks = 0;
  const startedAt = performance.now();
  const end = startedAt + seconds * 1000;
  const lane = async () => {
    while (performance.now() < end) {
      await pool.run(argument);
      tasks++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return tasks / ((performance.now() - startedAt) / 1000);
}
