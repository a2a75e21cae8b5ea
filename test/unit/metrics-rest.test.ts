import assert from 'node:assert/strict';
import test from 'node:test';
import type { Coordinator } from '#dist/coordinator/coordinator.js';
import { Metrics } from '#dist/metrics/metrics.js';

/** A coordinator whose groups take their time to be read. */
function slowToRead(milliseconds: number) {
  let spent = 0;
  const list = () => {
    const begin = performance.now();
    while (performance.now() - begin < milliseconds);
    spent += performance.now() - begin;
    return [];
  };
  const coordinator = { list, refresh: async () => {} } as unknown as Coordinator;
  return { coordinator, spent: () => spent };
}

test('who scrapes without end leaves most of the time to others', async () => {
  const { coordinator, spent } = slowToRead(4);
  const metrics = new Metrics(coordinator);
  const begin = performance.now();
  while (performance.now() - begin < 1500) await metrics.render();
  const share = spent() / (performance.now() - begin);
  assert.ok(share < 0.35, `${Math.round(share * 100)} % of the time went into scrapes`);
});
