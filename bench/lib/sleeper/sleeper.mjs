import { fileURLToPath } from 'node:url';

/** Workers that sleep 1 ms in each call, and tell by a FIFO that they are in their loop and that they are gone. */
export const SLEEPERS = fileURLToPath(new URL('.', import.meta.url));

/** File of the worker module in that directory. */
export const WORKER = 'worker.mjs';

/** Path of a program that does the same as a process. It is given the path of the FIFO. */
export const PEER = fileURLToPath(new URL('./peer.cjs', import.meta.url));
