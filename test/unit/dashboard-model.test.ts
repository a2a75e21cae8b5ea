import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announcement } from '#dist/dashboard/model/announcement.js';
import { logarithmicTicks, shownSeconds } from '#dist/dashboard/model/axes.js';
import { pollSeconds, retrySeconds } from '#dist/dashboard/model/backoff.js';
import { COMMANDS, isGoingOn, isPossible, mainCommand } from '#dist/dashboard/model/commands.js';
import { eventText } from '#dist/dashboard/model/event-text.js';
import { bodyOf, errorsOf } from '#dist/dashboard/model/registration.js';
import { groupHash, routeOf } from '#dist/dashboard/model/route.js';
import { ServiceClock } from '#dist/dashboard/model/service-clock.js';
import { highest, sparkPath } from '#dist/dashboard/model/spark.js';
import { readEvent, Splitter } from '#dist/dashboard/model/text-streams.js';
import { markOf, toneOf } from '#dist/dashboard/model/tone.js';
import { GROUP_STATES, WORKER_STATES } from '#dist/schemas/states.js';

test('the address says what is shown', () => {
  for (const name of ['train', 'a.b_c-9'])
    assert.deepEqual(routeOf(groupHash(name)), { page: 'group', name });
  for (const hash of ['', '#/', '#/groups/', '#/groups/a/b', '#/groups/%E0%A4%A', '#nonsense'])
    assert.deepEqual(routeOf(hash), { page: 'groups' }, hash);
});

test('waits grow, and looks take a tenth of the time at most', () => {
  assert.deepEqual([1, 2, 3, 4, 5, 50].map(retrySeconds), [1, 2, 4, 8, 15, 15]);
  assert.deepEqual([0.01, 0.1, 0.5, 60].map(pollSeconds), [1, 1, 5, 10]);
});

test('the time is that of the service', () => {
  let browser = 1_000_000_000_000;
  const clock = new ServiceClock(() => browser);
  assert.equal(clock.now(), browser, 'before anything is known');
  const lead = 90_400;
  for (const passed of [0, 300, 700, 900]) {
    browser += passed;
    const told = Math.floor((browser + lead) / 1000) * 1000;
    clock.note(new Date(told).toUTCString());
  }
  clock.note(null);
  clock.note('nonsense');
  assert.ok(
    clock.now() <= browser + lead && clock.now() > browser + lead - 500,
    String(clock.now() - browser),
  );
  assert.equal(clock.since(new Date(clock.now() - 2500).toISOString()), 2.5);
  assert.equal(clock.since(new Date(clock.now() + 2500).toISOString()), 0);
});

test('streams are put together from pieces', () => {
  const blocks = new Splitter('\n\n');
  assert.deepEqual(blocks.push('id: 1-2\nevent: x\nda'), []);
  const [whole = '', ...others] = blocks.push('ta: {"a": ": b"}\n\n: alive\nid: 1-3\n\nid');
  assert.deepEqual(readEvent(whole), { id: '1-2', data: '{"a": ": b"}' });
  assert.deepEqual(others.map(readEvent), [{ id: '1-3', data: undefined }]);
});

test('every state has a look and a shape', () => {
  for (const state of [...GROUP_STATES, ...WORKER_STATES]) assert.ok(toneOf(state) && markOf(state), state);
  assert.equal(toneOf('failed'), 'bad');
  assert.equal(toneOf('of a newer service' as 'failed'), 'quiet');
});

test('which commands do anything', () => {
  const possible = (state: (typeof GROUP_STATES)[number]) =>
    COMMANDS.filter((command) => isPossible(command, state)).join(' ');
  assert.equal(possible('running'), 'stop restart scale delete');
  assert.equal(possible('starting'), 'stop scale delete');
  assert.equal(possible('failed'), 'start scale delete');
  assert.equal(possible('backoff'), 'start stop restart scale delete');
  assert.equal(possible('stopping'), 'scale delete');
  assert.deepEqual(
    GROUP_STATES.map((state) => `${state} ${mainCommand(state)} ${isGoingOn(mainCommand(state), state)}`),
    [
      'registered start false',
      'starting stop false',
      'running stop false',
      'backoff stop false',
      'stopping stop true',
      'stopped start false',
      'completed start false',
      'failed start false',
    ],
  );
  assert.ok(isGoingOn('start', 'starting'));
});

test('events are told in words', () => {
  const at = '2026-01-01T12:00:00.000Z';
  const group = 'a';
  const told = (event: object) => eventText({ at, ...event } as Parameters<typeof eventText>[0]);
  const transition = { type: 'transition', group, from: 'running', desired: 'running' };
  assert.deepEqual(told({ ...transition, to: 'failed', reason: 'why' }), {
    group,
    text: 'failed',
    tone: 'bad',
  });
  assert.equal(told({ ...transition, to: 'stopping', reason: 'why' })?.text, 'stopping');
  assert.equal(told({ type: 'killed', group, workerIds: [3, 4] })?.text, 'killed: worker 3, 4');
  assert.equal(
    told({ type: 'restarted', group, workerId: null, reason: 'host' })?.text,
    'the group starts again (the host process died)',
  );
  assert.equal(
    told({ type: 'restarted', group, workerId: 3, reason: 'completed' })?.text,
    'worker 3 starts again (it had completed)',
  );
  const others: [event: object, text: string][] = [
    [{ ...transition, to: 'backoff', reason: 'why' }, 'backoff'],
    [{ ...transition, to: 'stopped', reason: 'why' }, 'stopped: why'],
    [{ type: 'registered' }, 'registered'],
    [{ type: 'changed' }, 'its spec was changed'],
    [{ type: 'deleted' }, 'deleted'],
    [{ type: 'desired', desired: 'stopped' }, 'is to be stopped'],
    [{ type: 'failed', reason: 'why', workerId: 1 }, 'why'],
    [{ type: 'stalled', workerId: 1 }, 'worker 1 stalls'],
    [{ type: 'scaled', workers: 3 }, 'scaled to 3'],
    [{ type: 'criticalFailure', reason: 'why' }, 'critical group has failed for good: why'],
    [{ type: 'notKept', reason: 'why' }, 'could not be written to the state directory: why'],
  ];
  for (const [event, text] of others)
    assert.deepEqual([told({ group, ...event })?.group, told({ group, ...event })?.text], [group, text]);
  assert.deepEqual(
    ['closing', 'closed'].map((type) => [told({ type })?.group, told({ type })?.text]),
    [
      [null, 'the service ends: it stops all groups'],
      [null, 'all groups have ended'],
    ],
  );
  for (const type of ['snapshot', 'of a newer service']) assert.equal(told({ type }), undefined);
});

test('changes of state are announced, few at a time', () => {
  const group = (name: string, state: 'running' | 'failed', reason: string | null = null) => ({
    name,
    state,
    reason,
  });
  const before = [group('a', 'running'), group('b', 'running'), group('c', 'running')];
  assert.equal(announcement(before, before), '');
  assert.equal(
    announcement(before, [group('a', 'failed', 'why'), group('b', 'running')]),
    'a is failed: why. c is deleted',
  );
  const many = Array.from({ length: 9 }, (_, i) => group(`g${i}`, 'running'));
  assert.equal(announcement([], many), 'g0 is running. g1 is running. g2 is running. 6 more have changed');
});

test('a form becomes a spec', () => {
  const empty = { name: '', module: '', workers: '', params: '', more: '' };
  assert.deepEqual(bodyOf(empty), { body: {} }, 'what is missing, the service says');
  const form = {
    name: ' a ',
    module: 'b.mjs',
    workers: '3',
    params: '[1]',
    more: '{"nice": 5, "name": "c"}',
  };
  assert.deepEqual(bodyOf(form), { body: { name: 'a', module: 'b.mjs', workers: 3, params: [1], nice: 5 } });
  assert.deepEqual(bodyOf({ ...empty, workers: 'two' }), { body: { workers: 'two' } });
  const wrong = bodyOf({ ...empty, params: '{', more: '[]' });
  assert.ok('errors' in wrong);
  assert.match(wrong.errors.params ?? '', /^is not JSON: /);
  assert.match(wrong.errors.more ?? '', /^must be an object/);
});

test('what the service has against it is said at its field', () => {
  const problem = { type: '', title: '', status: 400, detail: 'whole', code: 'invalid_request' as const };
  const errors = [
    { pointer: '/name', detail: 'is not a name' },
    { pointer: '/params/a/b', detail: 'is too large' },
    { pointer: '/feed/capacity', detail: 'must be >= 1' },
    { pointer: '/restart', detail: 'is odd' },
    { pointer: '', detail: 'is too deep' },
  ];
  assert.deepEqual(errorsOf({ ...problem, errors }), {
    name: 'is not a name',
    params: '/params/a/b is too large',
    more: '/feed/capacity must be >= 1; /restart is odd',
    whole: 'is too deep',
  });
  assert.deepEqual(errorsOf({ ...problem, code: 'module_not_found' }), { module: 'whole' });
  assert.deepEqual(errorsOf({ ...problem, code: 'group_conflict' }), { name: 'whole' });
  assert.deepEqual(errorsOf(problem), { whole: 'whole' });
});

test('small plots: a line with gaps', () => {
  const box = { width: 100, height: 10, until: 20, span: 20, top: 4 };
  assert.equal(sparkPath([-5, 0, 10, 15, 20], [1, 0, null, 2, 8], box), 'M0.0 10.0M75.0 5.0L100.0 0.0');
  assert.equal(sparkPath([20], [0], { ...box, top: 0 }), 'M100.0 10.0');
  assert.equal(highest([1, null, 3], [2]), 3);
  assert.equal(highest([null]), 0);
});

test('axes fit what there is', () => {
  assert.deepEqual(
    [[], [5], [0, 100], [0, 1000]].map((times) => shownSeconds(times)),
    [30, 30, 100, 300],
  );
  assert.deepEqual(logarithmicTicks(0.0015, 0.06), [0.002, 0.005, 0.01, 0.02, 0.05]);
  assert.deepEqual(logarithmicTicks(0.0005, 3), [0.001, 0.01, 0.1, 1]);
});
