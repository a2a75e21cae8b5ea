// A worker module: turns handwritten digits into batches for a trainer that is no JavaScript.
//
// Each worker takes its own share of the digits, makes batches of 32 and leaves each as a safetensors file
// in a spool directory that it shares with the trainer, who deletes what it has read.

import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const SIDE = 8;
const PIXELS = SIDE * SIDE;
const GREY_LEVELS = 16;
const BATCH = 32;
const DEFAULT_MAX_WAITING = 8;

// trainer.py takes 1.5 ms for a batch, so the files of one worker last it 12 ms: a longer nap would let it run dry.
const NAP_SECONDS = 0.005;
const LONGEST_WAIT_SECONDS = 1;

// Per axis; most images stay where they are. A linear classifier cannot follow a pen that moves more often: with
// -1, 0 and 1 equally likely trainer.py gets 83 to 85 % of the test digits right, with these odds 95 %.
const SHIFT_CHANCE = 0.25;

/** @typedef {{ split: 'train' | 'test', spool: string, maxWaiting?: number, seed?: number }} Params */
/** @typedef {{ images: Float32Array, labels: Uint8Array, run: string, sequence: Int32Array }} Shared */
/** @typedef {import('parallel-workers').GroupInfo<Params>} GroupInfo */
/** @typedef {import('parallel-workers').WorkerContext<Params, Shared>} WorkerContext */

/** Where this thread's worker takes its batches from. */
let source;

/**
 * Runs once per start, before any worker. What it returns is every worker's `ctx.shared`: the arrays lie in
 * SharedArrayBuffers, so that the file is read once and kept in memory once, whatever the number of workers.
 *
 * @param {GroupInfo} group
 * @returns {Promise<Shared>}
 * @throws {Error} when the params are wrong or the spool cannot be used
 */
export async function init(group) {
  const { split, spool } = checkParams(group.params);
  removeFiles(spool, (name) => isOf(group.name, name));
  return {
    ...readDigits(split),
    // Worker ids are the same after a restart and a restarted worker counts from 0 again. The start's own
    // mark, and one counter for all workers of the start, keep every file name unique.
    run: Date.now().toString(36),
    sequence: new Int32Array(new SharedArrayBuffer(4)),
  };
}

/**
 * Runs once in each worker's thread, before its first batch.
 *
 * @param {number} _workerId
 * @param {WorkerContext} ctx
 */
export function setup(_workerId, ctx) {
  source = ctx.params.split === 'train' ? trainSource(ctx) : testSource(ctx);
}

/**
 * One iteration is one batch: `worker_time_seconds_count` counts batches. The time includes waiting for room
 * in the spool, so its mean is the pace of the slower side, and it drops to the bare cost of a batch as soon as
 * the trainer is the one who waits. When there is no room for a second the call returns without a batch: a
 * trainer that pauses does not look like a worker that hangs.
 *
 * @param {number} workerId
 * @param {WorkerContext} ctx
 */
export default async function worker(workerId, ctx) {
  if (!(await waitForRoom(workerId, ctx))) return;
  const batch = source.next();
  if (batch.labels.length > 0) spoolBatch(workerId, ctx, batch);
  if (source.exhausted()) ctx.finish();
}

/**
 * Runs after all workers ended. Files of the test split stay: the trainer reads them after the workers have
 * finished. What is left of the endless train split was made for a trainer that has stopped asking.
 *
 * @param {GroupInfo} group
 */
export async function cleanup(group) {
  const { split, spool } = group.params;
  removeFiles(spool, (name) => isOf(group.name, name) && (split === 'train' || isTemporary(name)));
}

function checkParams(params) {
  const { split, spool, maxWaiting = DEFAULT_MAX_WAITING, seed = 0, ...unknown } = params ?? {};
  const wrong = Object.keys(unknown);
  if (wrong.length > 0) {
    throw new Error(`params.${wrong[0]} is unknown: use split, spool, maxWaiting and seed`);
  }
  if (split !== 'train' && split !== 'test') {
    throw new Error(`params.split is ${JSON.stringify(split)}: set it to "train" or "test"`);
  }
  if (typeof spool !== 'string' || !isAbsolute(spool)) {
    throw new Error(`params.spool is ${JSON.stringify(spool)}: set it to the absolute path of a directory`);
  }
  if (!Number.isInteger(maxWaiting) || maxWaiting < 1) {
    throw new Error(`params.maxWaiting is ${JSON.stringify(maxWaiting)}: set it to a whole number from 1 up`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new Error(`params.seed is ${JSON.stringify(seed)}: set it to a whole number from 0 to 4294967295`);
  }
  // Not created here: in containers a missing directory means that the volume is not mounted on this side.
  if (!statSync(spool, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(
      `params.spool: there is no directory ${spool} here. Create it where service and trainer both see it`,
    );
  }
  try {
    accessSync(spool, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new Error(
      `params.spool: the service may not write to ${spool}. Give its user read and write access`,
      { cause },
    );
  }
  return { split, spool };
}

/** Every fifth digit of the file is test, the others are train: the same digits in every run. */
function readDigits(split) {
  const text = gunzipSync(readFileSync(new URL('digits.csv.gz', import.meta.url))).toString('ascii');
  const rows = text
    .trimEnd()
    .split('\n')
    .filter((_, line) => (line % 5 === 4) === (split === 'test'));
  const images = new Float32Array(new SharedArrayBuffer(rows.length * PIXELS * 4));
  const labels = new Uint8Array(new SharedArrayBuffer(rows.length));
  rows.forEach((row, digit) => {
    const values = row.split(',').map(Number);
    labels[digit] = values.pop();
    images.set(
      values.map((grey) => grey / GREY_LEVELS),
      digit * PIXELS,
    );
  });
  return { images, labels };
}

/** Endless: the digits of this worker in a new order each epoch, each image moved by up to a pixel. */
function trainSource(ctx) {
  const random = generator(
    ctx.params.seed === undefined ? Math.random() * 2 ** 32 : ctx.params.seed + ctx.index * 7919,
  );
  const offset = () => (random() < SHIFT_CHANCE ? (random() < 0.5 ? -1 : 1) : 0);
  const share = shareOf(ctx);
  let order = [];
  const draw = () => {
    if (order.length === 0) order = shuffle([...share], random);
    return order.pop();
  };
  return {
    next() {
      const digits = Array.from({ length: BATCH }, draw);
      return batchOf(ctx.shared, digits, (from, to) => copyShifted(from, to, offset(), offset()));
    },
    exhausted: () => false,
  };
}

/** Once through the digits of this worker, as they are, with a last batch that may be short. */
function testSource(ctx) {
  const digits = shareOf(ctx);
  return {
    next: () => batchOf(ctx.shared, digits.splice(0, BATCH), (from, to) => to.set(from)),
    exhausted: () => digits.length === 0,
  };
}

function shareOf({ shared, index, count }) {
  const digits = [];
  for (let digit = index; digit < shared.labels.length; digit += count) digits.push(digit);
  return digits;
}

function batchOf(shared, digits, copy) {
  const images = new Float32Array(digits.length * PIXELS);
  const labels = new Uint8Array(digits.length);
  digits.forEach((digit, place) => {
    const from = shared.images.subarray(digit * PIXELS, (digit + 1) * PIXELS);
    copy(from, images.subarray(place * PIXELS, (place + 1) * PIXELS));
    labels[place] = shared.labels[digit];
  });
  return { images, labels };
}

/** `to` is zero before: what moves in from outside the image stays empty. */
function copyShifted(from, to, dx, dy) {
  for (let y = Math.max(0, dy); y < Math.min(SIDE, SIDE + dy); y++) {
    for (let x = Math.max(0, dx); x < Math.min(SIDE, SIDE + dx); x++) {
      to[y * SIDE + x] = from[(y - dy) * SIDE + x - dx];
    }
  }
}

async function waitForRoom(workerId, ctx) {
  const { spool, maxWaiting = DEFAULT_MAX_WAITING } = ctx.params;
  const mine = (name) => isOf(ctx.group.name, name) && name.endsWith(`-w${workerId}.safetensors`);
  const deadline = performance.now() + LONGEST_WAIT_SECONDS * 1000;
  while (readdirSync(spool).filter(mine).length >= maxWaiting) {
    if (performance.now() >= deadline) return false;
    await ctx.sleep(NAP_SECONDS);
    if (ctx.signal.aborted) return false;
  }
  return true;
}

/** Written under a temporary name and renamed, so that the trainer never sees half a file. */
function spoolBatch(workerId, ctx, batch) {
  const { run, sequence } = ctx.shared;
  const number = String(Atomics.add(sequence, 0, 1)).padStart(9, '0');
  const path = join(ctx.params.spool, `${ctx.group.name}@${run}-${number}-w${workerId}.safetensors`);
  writeFileSync(`${path}.tmp`, safetensors(batch));
  renameSync(`${path}.tmp`, path);
}

/** The format: 8 bytes with the length of the header, the header in JSON, then the tensors. */
function safetensors({ images, labels }) {
  const n = labels.length;
  const json = JSON.stringify({
    images: { dtype: 'F32', shape: [n, PIXELS], data_offsets: [0, images.byteLength] },
    labels: { dtype: 'U8', shape: [n], data_offsets: [images.byteLength, images.byteLength + n] },
  });
  // Spaces fill the header up, so that the tensors begin at a multiple of 8 and can be mapped as they lie.
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from(images.buffer), labels]);
}

// No group name can hold an "@": the files of "digits" are never taken for those of "digits-test".
function isOf(group, name) {
  return name.startsWith(`${group}@`);
}

function isTemporary(name) {
  return name.endsWith('.tmp');
}

function removeFiles(directory, chosen) {
  let names;
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (error.code === 'ENOENT') return; // the trainer has taken its spool away
    throw error;
  }
  for (const name of names.filter(chosen)) rmSync(join(directory, name), { force: true });
}

function shuffle(items, random) {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other], items[last]];
  }
  return items;
}

/** mulberry32: Math.random cannot be seeded. */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
