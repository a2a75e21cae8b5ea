import { workerData } from 'node:worker_threads';
import { ThreadWorker } from 'poolifier';
import { byName } from '../../lib/loops/functions.mjs';

export default new ThreadWorker(byName(workerData.name));
