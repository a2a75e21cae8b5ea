// A worker module: turns handwritten digits into batches for a trainer that is no JavaScript.
//
// Each worker takes its own share of the digits, makes batches of 32 and puts each into the feed of its group as a
// safetensors buffer. The trainer takes them from there.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const SIDE = 8;
const PIXELS = SIDE * SIDE;
const GREY_LEVELS = 16;
const BATCH = 32;

// Per axis; most images stay where they are. A linear classifier cannot follow a pen that moves more often: with
// -1, 0 and 1 equally likely trainer.py gets 83 to 85 % of the test digits right, with these odds 95 %.
const SHIFT_CHANCE = 0.25;

/** @typedef {{ split: 'train' | 'test', seed?: number }} Params */
/** @typedef {{ images: Float32Array, labels: Uint8Array }} Shared */
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
 * @throws {Error} when the params are wrong
 */
export async function init(group) {
  checkParams(group.params);
  return readDigits(group.params.split);
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
 * One iteration is one batch: `worker_time_seconds_count` counts batches. The time includes waiting for room in the
 * feed, so its mean is the pace of the slower side.
 *
 * @param {number} _workerId
 * @param {WorkerContext} ctx
 */
export default async function worker(_workerId, ctx) {
  const { images, labels } = source.next();
  const n = labels.length;
  if (n > 0) {
    const batch = ctx.tensors({
      images: { dtype: 'F32', shape: [n, PIXELS], data: images },
      labels: { dtype: 'U8', shape: [n], data: labels },
    });
    await ctx.put(batch, { contentType: 'application/x-safetensors' });
  }
  if (source.exhausted()) ctx.finish();
}

function checkParams(params) {
  const { split, seed = 0, ...unknown } = params ?? {};
  const wrong = Object.keys(unknown);
  if (wrong.length > 0) throw new Error(`params.${wrong[0]} is unknown: use split and seed`);
  if (split !== 'train' && split !== 'test') {
    throw new Error(`params.split is ${JSON.stringify(split)}: set it to "train" or "test"`);
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new Error(`params.seed is ${JSON.stringify(seed)}: set it to a whole number from 0 to 4294967295`);
  }
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
