// Uses a service in every way for a while, and fails when something of it grows: memory, descriptors, threads, processes,
// files, or how late its event loop is. npm run soak -- --minutes 10
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { withDrainedService } from '../lib/drained-service.mjs';
import { progress } from '../lib/progress.mjs';
import { judge } from './bounds.mjs';
import { Client } from './client.mjs';
import { LANES } from './lanes.mjs';
import { printCounts, printLive, printSlopes, status } from './report.mjs';
import { Sampler } from './sampler.mjs';
import { watch } from './watchers.mjs';

const SAMPLE_MS = 1_000;
/** Between two cycles of a lane, so that the machine is not busy all the time. */
const REST_MS = 400;
/** How often there is a line of progress where no terminal is. */
const LINE_SECONDS = 10;
/** At rest is a service that has stayed as it is for so long. */
const STEADY_MS = 3_000;
/** How long that may take. */
const SETTLE_MS = 30_000;

const { minutes, json } = readArguments();
const folder = mkdtempSync(join(tmpdir(), 'pw-soak-'));
const over = new AbortController();
try {
  await withDrainedService(
    {
      workersDir: fileURLToPath(new URL('./workers/', import.meta.url)),
      stateDir: join(folder, 'state'),
      env: {
        NODE_OPTIONS: `--import ${new URL('./heap-probe.mjs', import.meta.url)}`,
        SOAK_HEAP_FILE: join(folder, 'heap'),
      },
      // Ctrl-C is for this program, which then ends the service.
      detached: true,
    },
    soak,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function soak(service) {
  endOnSignals(service);
  const client = new Client(service.url);
  const sampler = new Sampler({
    pid: service.pid,
    client,
    stateDir: join(folder, 'state'),
    heapFile: join(folder, 'heap'),
  });

  progress('once everything, so that all is loaded');
  await onceEverything(client);
  client.close();
  const before = await steady(sampler);
  const liveBefore = await sampler.live();

  const cycles = Object.fromEntries(Object.keys(LANES).map((lane) => [lane, 0]));
  const timer = setTimeout(() => over.abort(), minutes * 60_000);
  const samples = [];
  try {
    await Promise.all([
      ...Object.keys(LANES).map((lane) => unlessOneFails(repeat(client, lane, cycles))),
      unlessOneFails(watch(client, over.signal)),
      unlessOneFails(takeSamples({ sampler, client, samples })),
    ]);
  } finally {
    clearTimeout(timer);
  }
  // What a lane has left that has failed.
  for (const { name } of (await client.ok('GET', '/v1/groups')).groups)
    await client.ok('DELETE', `/v1/groups/${name}`);
  progress('all groups are gone: until it is as before');
  client.close();
  const after = await steady(sampler, before);
  const liveAfter = await sampler.live();
  progress();

  console.log(`\n${status({ samples, client, cycles })}`);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(samples)}\n`);
  const verdicts = judge(samples);
  printSlopes(verdicts);
  const left = printCounts(before, after);
  const grown = printLive(liveBefore, liveAfter);
  const failed = process.exitCode === 1 || left || grown || verdicts.some((verdict) => verdict.failed);
  console.log(failed ? '\nFAILED' : '\nNothing is seen to grow.');
  if (failed) process.exitCode = 1;
}

async function onceEverything(client) {
  const leave = new AbortController();
  const lanes = Object.entries(LANES).map(([lane, cycle]) => cycle(client, `${lane}-first`));
  await Promise.all([
    watch(client, AbortSignal.any([leave.signal, over.signal])),
    Promise.all(lanes).finally(() => leave.abort()),
  ]);
}

/** The first failure ends the whole run, and all others in order. */
async function unlessOneFails(doing) {
  try {
    await doing;
  } catch (error) {
    over.abort();
    console.error(error.message);
    process.exitCode = 1;
  }
}

async function repeat(client, lane, cycles) {
  while (!over.signal.aborted) {
    await LANES[lane](client, `${lane}-${cycles[lane]}`);
    cycles[lane]++;
    await restUnlessOver(REST_MS);
  }
}

async function takeSamples({ sampler, client, samples }) {
  const begunAt = performance.now();
  for (let i = 1; !over.signal.aborted; i++) {
    await restUnlessOver(begunAt + i * SAMPLE_MS - performance.now());
    if (over.signal.aborted) return;
    const sample = { minutes: (performance.now() - begunAt) / 60_000, ...(await sampler.sample()) };
    samples.push(sample);
    if (process.stderr.isTTY || i % LINE_SECONDS === 0) progress(status({ samples, client }));
  }
}

/** Resolves early when it is over. */
async function restUnlessOver(milliseconds) {
  await sleep(Math.max(0, milliseconds), undefined, { signal: over.signal }).catch(() => {});
}

/** What there is of everything once that stays the same, and, where they are given, is no more than the counts of before. */
async function steady(sampler, atMost) {
  const deadline = performance.now() + SETTLE_MS;
  let counts = sampler.counts();
  let since = performance.now();
  while (performance.now() < deadline) {
    await sleep(100);
    const now = sampler.counts();
    const same = Object.keys(now).every((key) => now[key] === counts[key]);
    const few = atMost === undefined || Object.keys(now).every((key) => now[key] <= atMost[key]);
    if (!same || !few) since = performance.now();
    counts = now;
    if (performance.now() - since > STEADY_MS) break;
  }
  return counts;
}

function endOnSignals(service) {
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      if (over.signal.aborted) {
        service.process.kill('SIGKILL');
        process.exit(1);
      }
      console.error('\n  ends; once more to end at once');
      over.abort();
    });
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: { minutes: { type: 'string', default: '10' }, json: { type: 'string' } },
    });
    const minutes = Number(values.minutes);
    if (!(minutes > 0)) throw new Error('--minutes takes a number above 0');
    return { minutes, json: values.json };
  } catch (error) {
    console.error(
      `${error.message}\n\nnpm run soak -- [--minutes 10] [--json FILE]   the samples go into FILE`,
    );
    return process.exit(2);
  }
}
