import { getHeapStatistics } from 'node:v8';
import fp from 'fastify-plugin';
import { ProblemError } from '../../errors.js';
import { LoadMeter } from './load-meter.js';
import { isAlwaysAnswered } from './route-access.js';

/** How late a turn may be. Workers that keep every core busy make it a tenth of that. */
const MAX_LATE_MS = 1000;

/** Of the heap that Node allows itself; the rest is room for those who are being served. */
const HEAP_SHARE = 0.9;

const SAMPLE_MS = 250;

const RETRY_SECONDS = 2;

export interface PressureOptions {
  /** For tests; 1,000 by default. */
  readonly maxLateMs?: number | undefined;
  /** For tests; nine tenths of Node's limit by default. */
  readonly maxHeapBytes?: number | undefined;
}

/** Turns requests away while the service has more to do than it can, so that what it has begun gets done. */
export const pressure = fp(
  async (app, { maxLateMs = MAX_LATE_MS, maxHeapBytes = heapLimit() }: PressureOptions) => {
    const meter = new LoadMeter(maxLateMs, maxHeapBytes);
    let timer: NodeJS.Timeout | undefined;
    const sampleLater = () => {
      const due = performance.now() + SAMPLE_MS;
      timer = setTimeout(() => {
        meter.note(performance.now() - due, getHeapStatistics().used_heap_size);
        sampleLater();
      }, SAMPLE_MS).unref();
    };
    // Not before: to load itself takes a service seconds where every core is busy.
    app.addHook('onListen', async () => sampleLater());
    app.addHook('onClose', async () => clearTimeout(timer));

    app.addHook('onRequest', async (request, reply) => {
      const { overload } = meter;
      if (overload === undefined || isAlwaysAnswered(request)) return;
      reply.header('retry-after', RETRY_SECONDS);
      const what = overload === 'work' ? 'has more to do than it can' : 'is short of memory';
      const detail = `The service ${what}: try again after the seconds in Retry-After.`;
      throw new ProblemError('overloaded', detail);
    });
  },
  { name: 'pressure' },
);

function heapLimit(): number {
  return Math.floor(getHeapStatistics().heap_size_limit * HEAP_SHARE);
}
