import assert from 'node:assert/strict';
import test from 'node:test';
import { ROOT } from '../support/service.js';

interface Verdict {
  key: string;
  failed: boolean;
}

interface Ratio {
  id: string;
  values: number[];
}

const { judge } = (await import(`${ROOT}bench/soak/bounds.mjs`)) as {
  judge(samples: Record<string, number | undefined>[]): Verdict[];
};
const { Bench } = (await import(`${ROOT}bench/lib/bench.mjs`)) as {
  Bench: new (options: {
    quick: boolean;
    rounds: number;
  }) => { compare(comparison: object): Promise<{ ratios: Ratio[] }> };
};

/** Ten minutes of a service in which all that is measured swings, and what is named grows by so much in a minute. */
function samples(growth: Record<string, number | undefined>): Record<string, number | undefined>[] {
  const least = {
    rss: 140,
    heap: 40,
    outside: 3,
    descriptors: 60,
    threads: 11,
    hosts: 6,
    files: 20,
    delay: 2,
  };
  return Array.from({ length: 600 }, (_, second) => {
    const minutes = second / 60;
    const swing = second % 7;
    return {
      minutes,
      ...Object.fromEntries(
        Object.entries(least).map(([key, value]) => {
          if (!(key in growth)) return [key, value + swing];
          const perMinute = growth[key];
          return [key, perMinute === undefined ? undefined : value + swing + perMinute * minutes];
        }),
      ),
    };
  });
}

const failing = (growth: Record<string, number | undefined>) =>
  judge(samples(growth))
    .filter(({ failed }) => failed)
    .map(({ key }) => key);

test('a soak passes when nothing grows', () => {
  assert.deepEqual(failing({}), []);
});

for (const [key, perMinute] of Object.entries({
  rss: 3,
  heap: 1,
  outside: 1,
  descriptors: 1,
  threads: 1,
  hosts: 1,
  files: 1,
  delay: 0.5,
})) {
  test(`a soak fails when ${key} grows, and when there is none of it to look at`, () => {
    assert.deepEqual(failing({ [key]: perMinute }), [key]);
    assert.deepEqual(failing({ [key]: undefined }), [key]);
    assert.deepEqual(failing({ [key]: Number.NaN }), [key]);
  });
}

const contender = (id: string, values: (number | undefined)[]) => {
  const left = [...values];
  return { id, name: id, measure: async () => ({ value: left.shift() }) };
};

async function ratioOf(better: 'higher' | 'lower', to: string | string[]): Promise<number[] | undefined> {
  const { ratios } = await new Bench({ quick: false, rounds: 2 }).compare({
    id: 'one',
    title: 'A comparison',
    metrics: [{ key: 'value', name: 'value', unit: 'x', better }],
    contenders: [
      contender('ours', [10, 20]),
      contender('a', [5, 40]),
      contender('b', [2, 80]),
      { ...contender('skipped', []), skip: 'it is not there' },
    ],
    ratios: [{ id: 'ratio', name: 'ours to theirs', metric: 'value', of: 'ours', to }],
  });
  return ratios[0]?.values;
}

test('a ratio is above 1 where ours is better, round by round, whichever way the metric goes', async () => {
  assert.deepEqual(await ratioOf('higher', 'a'), [2, 0.5]);
  assert.deepEqual(await ratioOf('lower', 'a'), [0.5, 2]);
});

test('of several it is the ratio to the best of the round; without any there is none', async () => {
  assert.deepEqual(await ratioOf('higher', ['a', 'b', 'skipped']), [2, 0.25]);
  assert.deepEqual(await ratioOf('lower', ['a', 'b', 'skipped']), [0.2, 2]);
  assert.equal(await ratioOf('higher', 'skipped'), undefined);
});

test('what was measured in some rounds only, or is no number, is an error', async () => {
  const compare = (values: (number | undefined)[]) =>
    new Bench({ quick: false, rounds: 2 }).compare({
      id: 'one',
      title: 'A comparison',
      metrics: [{ key: 'value', name: 'value', unit: 'x', better: 'higher' }],
      contenders: [contender('ours', values)],
    });
  await assert.rejects(compare([1, undefined]), /ours: value was measured in 1 of 2 rounds/);
  await assert.rejects(compare([1, Number.NaN]), /ours: value is NaN/);
});
