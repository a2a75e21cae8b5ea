import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PresentGroup, planReload } from '#dist/groups-file/reload-plan.js';
import { spec } from '../support/coordinator.js';

function present(
  name: string,
  changes: Partial<PresentGroup> & { spec?: PresentGroup['spec'] } = {},
): PresentGroup {
  return { name, spec: spec(name), origin: 'file', runningSpec: undefined, atWork: false, ...changes };
}

/** A group that runs with this spec, and has it. */
const runs = (name: string, changes: Parameters<typeof spec>[1] = {}) =>
  present(name, { spec: spec(name, changes), runningSpec: spec(name, changes), atWork: true });

/** Name, action and what changes of each planned group, short. */
function plan(...args: Parameters<typeof planReload>): string[] {
  return planReload(...args).map(
    ({ name, action, changes, starts }) =>
      `${name} ${action}${changes.length > 0 ? ` ${changes}` : ''}${starts ? ', starts' : ''}`,
  );
}

test('what is new is created, and starts if it says so', () => {
  assert.deepEqual(plan([spec('b'), spec('a', { autostart: true })], []), ['b created', 'a created, starts']);
});

test('what is the same is not touched, whatever it does', () => {
  assert.deepEqual(plan([spec('a'), spec('b')], [present('b'), runs('a')]), ['a unchanged', 'b unchanged']);
});

test('what vanished goes if it came from the file', () => {
  const there = [present('a'), present('b', { origin: 'rest' }), runs('c')];
  assert.deepEqual(plan([], there), ['a removed', 'c removed']);
});

test('a group of REST is left alone, even one that is the same', () => {
  const there = [present('a', { origin: 'rest' }), present('b', { origin: 'rest' })];
  const planned = planReload([spec('a'), spec('b', { workers: 3 })], there);
  assert.deepEqual(
    planned.map(({ action, starts }) => [action, starts]),
    [
      ['conflict', false],
      ['conflict', false],
    ],
  );
  assert.match(planned[0]?.reason ?? '', /"a" was registered over REST.*Delete it/);
});

test('live fields change without a restart, others with one, if the group is at work', () => {
  const live = { labels: { a: 'b' }, autostart: true, after: ['x'], critical: true, workers: 5 };
  assert.deepEqual(plan([spec('a', live)], [runs('a')]), [
    'a changed workers,labels,autostart,after,critical',
  ]);
  assert.deepEqual(plan([spec('a', { nice: 3, workers: 1 })], [runs('a')]), [
    'a restarted workers,nice, starts',
  ]);
  assert.deepEqual(plan([spec('a', { nice: 3, workers: 1 })], [present('a')]), ['a changed workers,nice']);
});

test('autostart starts nothing that is there already', () => {
  assert.deepEqual(plan([spec('a', { autostart: true })], [present('a')]), ['a changed autostart']);
});

test('what has failed or waits starts again with another spec, though nothing runs', () => {
  assert.deepEqual(plan([spec('a', { nice: 3 })], [present('a', { atWork: true })]), [
    'a restarted nice, starts',
  ]);
});

test('what counts is what runs: a change over REST that has not come into force needs no restart to be undone', () => {
  const patched = present('a', { spec: spec('a', { nice: 3 }), runningSpec: spec('a'), atWork: true });
  assert.deepEqual(plan([spec('a')], [patched]), ['a changed nice']);
  assert.deepEqual(plan([spec('a', { nice: 3 })], [patched]), ['a restarted nice, starts']);
});

test('the order of fields, and of keys in params, means nothing', () => {
  const params = { a: 1, b: { c: 2, d: 3 } };
  const other = { b: { d: 3, c: 2 }, a: 1 };
  assert.deepEqual(plan([spec('a', { params })], [runs('a', { params: other })]), ['a unchanged']);
});
