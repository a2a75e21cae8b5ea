// `npm run demo`: starts the service, trains a digit classifier on batches that its workers make, shows what the
// service measured, and ends everything it started. With `--keep` the trainer then goes on to
// learn until Ctrl-C, for a look at the dashboard.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TRAINER = fileURLToPath(new URL('trainer.py', import.meta.url));
const LISTENING_SECONDS = 30;
const READY_SECONDS = 30;
const TRAINING_SECONDS = 300;
const REQUEST_SECONDS = 10;
const END_SECONDS = 20; // for a process to end after SIGTERM, before SIGKILL
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

const keep = process.argv.includes('--keep');
const interrupted = new AbortController();
for (const name of Object.keys(SIGNALS)) process.on(name, () => interrupted.abort(name));

const started = [];
/** What the service keeps goes with the demo. */
const folder = mkdtempSync(join(tmpdir(), 'parallel-workers-demo-'));

try {
  process.exitCode = await demo();
} catch (error) {
  process.exitCode = interrupted.signal.aborted ? SIGNALS[interrupted.signal.reason] : 1;
  console.error(`demo: ${interrupted.signal.aborted ? interrupted.signal.reason : error.message}`);
} finally {
  // The trainer first: it stops its groups while there is a service to ask.
  for (const child of started.reverse()) await end(child);
  rmSync(folder, { recursive: true, force: true });
}

async function demo() {
  const url = await startService();
  await waitUntilReady(url);
  console.log(`demo: the service is ready at ${url}`);

  const python = process.env.PYTHON ?? 'python3';
  const trainer = start(python, [TRAINER, '--url', url], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const code = await within(TRAINING_SECONDS, 'the trainer to end', trainer.ended);

  console.log('\ndemo: what the service measured (GET /metrics)');
  const metrics = await (await get(`${url}/metrics`)).text();
  for (const line of metrics.split('\n')) {
    if (/^worker_(time_seconds_(count|sum)|feed_\w+_total)\b/.test(line)) console.log(`  ${line}`);
  }
  console.log('  (take_wait: until there was an item; "fetching" above has the way of each answer, too)');
  if (keep && code === 0) await keepGoing(python, url);
  return typeof code === 'number' ? code : 1;
}

/** Has the trainer learn on until a signal ends all. */
async function keepGoing(python, url) {
  const trainer = start(python, [TRAINER, '--url', url, '--epochs', '1000000'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(`\ndemo: the trainer goes on until Ctrl-C; the dashboard is at ${url}/`);
  const interruption = once(interrupted.signal, 'abort');
  const code = await Promise.race([trainer.ended, interruption]);
  if (!interrupted.signal.aborted) throw new Error(`the trainer ended with ${code}`);
}

/** Returns the address that the service announces in its log. */
async function startService() {
  if (!existsSync(join(ROOT, 'dist', 'server.js')))
    throw new Error('dist/server.js is missing: run npm run build');
  const args = ['dist/server.js', '--workers-dir', 'examples', '--port', '0'];
  const service = start(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = [];
  const listening = new Promise((resolve) => {
    // Read to the end, not only to the address: a pipe that nobody empties would stop the service.
    createInterface({ input: service.stdout }).on('line', (line) => {
      if (lines.push(line) > 20) lines.shift();
      const address = /listening[^"]*?(https?:\/\/[^\s"]+)/i.exec(line);
      if (address) resolve(address[1]);
    });
  });
  const died = service.ended.then((code) => {
    throw new Error(`the service ended with code ${code}; its last lines:\n${lines.join('\n')}`);
  });
  died.catch(() => {}); // at the end of the demo nobody waits for it any more
  return within(LISTENING_SECONDS, 'the service to listen', Promise.race([listening, died]));
}

async function waitUntilReady(url) {
  const deadline = performance.now() + READY_SECONDS * 1000;
  for (;;) {
    const answer = await get(`${url}/readyz`).catch((error) => error);
    if (answer.ok) return;
    if (performance.now() > deadline) {
      throw new Error(
        `${url}/readyz was not ready within ${READY_SECONDS} s: ${answer.status ?? answer.message}`,
      );
    }
    await sleep(100, undefined, { signal: interrupted.signal });
  }
}

function get(url) {
  return fetch(url, {
    signal: AbortSignal.any([interrupted.signal, AbortSignal.timeout(REQUEST_SECONDS * 1000)]),
  });
}

function start(command, args, options) {
  interrupted.signal.throwIfAborted();
  // Settings of the caller's shell are for another service.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PW_')));
  // Groups of an earlier run must not come back.
  env.PW_STATE_DIR = join(folder, 'state');
  // A process group of its own: Ctrl-C in the terminal reaches this process alone, which ends the others in order.
  const child = spawn(command, args, { cwd: ROOT, env, detached: true, ...options });
  child.ended = new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  child.ended.catch(() => {}); // whoever waits for it gets it; nobody may wait
  started.push(child);
  return child;
}

/** Asks the process to end, and kills it when it does not. */
async function end(child) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => {
    console.error(`demo: ${child.spawnfile} did not end within ${END_SECONDS} s and was killed`);
    child.kill('SIGKILL');
  }, END_SECONDS * 1000);
  await child.ended;
  clearTimeout(timer);
}

/** The promise's value; rejects when it takes too long or a signal arrives. */
async function within(seconds, what, promise) {
  const timer = new AbortController();
  const late = sleep(seconds * 1000, undefined, {
    signal: AbortSignal.any([timer.signal, interrupted.signal]),
  });
  try {
    return await Promise.race([
      promise,
      late.then(() => {
        throw new Error(`waited ${seconds} s for ${what}`);
      }),
    ]);
  } finally {
    timer.abort();
  }
}
