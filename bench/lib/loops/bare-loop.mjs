// A loop that calls a function and reads the clock, and does nothing else. In a worker thread or in a process of its own.

import { parentPort, workerData } from 'node:worker_threads';
import { byName } from './functions.mjs';

const { name, argument, seconds } = workerData ?? JSON.parse(process.argv[2]);
const call = byName(name);
const port = parentPort ?? process;
// A bound function is the fastest way to this clock.
const now = performance.now.bind(performance);

port.once('message', async () => {
  const rate = await (name === 'emptyAsync' ? runAsync() : run());
  if (parentPort) parentPort.postMessage(rate);
  else process.send(rate, () => process.disconnect());
});
if (parentPort) parentPort.postMessage('ready');
else process.send('ready');

function run() {
  let calls = 0;
  const startedAt = now();
  const end = startedAt + seconds * 1000;
  let moment = startedAt;
  while (moment < end) {
    call(argument);
    moment = now();
    calls++;
  }
  return (1000 * calls) / (moment - startedAt);
}

async function runAsync() {
  let calls = 0;
  const startedAt = now();
  const end = startedAt + seconds * 1000;
  let moment = startedAt;
  while (moment < end) {
    await call(argument);
    moment = now();
    calls++;
  }
  return (1000 * calls) / (moment - startedAt);
}
