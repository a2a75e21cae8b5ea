import assert from 'node:assert/strict';
import test from 'node:test';
import { type CoordinatorEvents, Events } from '#dist/coordinator/events.js';
import { GroupLogs, type LogQuery } from '#dist/logs/group-logs.js';
import type { LogLevel } from '#dist/schemas/states.js';
import { FakeClock } from '../support/fake-clock.js';
import { wholeLines } from '../support/watching.js';

function world(bounds?: { entries: number; bytes: number }) {
  const clock = new FakeClock();
  const events = new Events<CoordinatorEvents>((error) => {
    throw error;
  });
  const logs = new GroupLogs(events, clock, bounds);
  const say = (text: string, level: LogLevel = 'info', workerId?: number, group = 'a') =>
    events.emit('message', {
      group,
      message: { type: 'log', level, text, ...(workerId !== undefined && { workerId }) },
    });
  const read = (query: LogQuery = {}, group = 'a') => readAll(logs.read(group, query));
  const texts = (query?: LogQuery) => read(query).map((line) => line.text ?? line);
  return { clock, events, logs, say, read, texts };
}

function readAll(reader: ReturnType<GroupLogs['read']>) {
  let text = '';
  for (let piece = reader.next(); typeof piece === 'object'; piece = reader.next()) text += piece.text;
  return wholeLines(text);
}

test('a line has a number, the time, its level, who wrote it, and its fields', () => {
  const { clock, events, say, read } = world();
  clock.advance(1_000);
  say('of the host');
  events.emit('message', {
    group: 'a',
    message: { type: 'log', level: 'warn', text: 'line', workerId: 3, fields: { record: 17 } },
  });
  const time = '1970-01-01T00:00:01.000Z';
  assert.deepEqual(read(), [
    { seq: 1_000_000, time, level: 'info', workerId: null, text: 'of the host' },
    { seq: 1_000_001, time, level: 'warn', workerId: 3, text: 'line', fields: { record: 17 } },
  ]);
  assert.deepEqual(read({}, 'b'), [], 'each group has a log of its own');
});

test('failures of user code are in the log, with their stack', () => {
  const { events, read } = world();
  const error = { name: 'TypeError', message: 'no such record', stack: 'at worker.mjs:3' };
  events.emit('message', { group: 'a', message: { type: 'failed', phase: 'iteration', workerId: 1, error } });
  events.emit('message', { group: 'a', message: { type: 'hook', hook: 'cleanup', state: 'failed', error } });
  events.emit('message', { group: 'a', message: { type: 'hook', hook: 'cleanup', state: 'started' } });
  assert.deepEqual(
    read().map(({ level, workerId, text, fields }) => [level, workerId, text, fields.stack]),
    [
      ['error', 1, 'TypeError: no such record', error.stack],
      ['error', null, 'the cleanup hook failed: no such record', error.stack],
    ],
  );
});

test('lines are chosen by level, worker and number; the tail is of those', () => {
  const { say, texts, read } = world();
  say('one', 'debug', 0);
  say('two', 'error', 1);
  say('three', 'warn', 0);
  say('four', 'info');
  say('five', 'warn', 1);
  assert.deepEqual(texts({ level: 'warn' }), ['two', 'three', 'five']);
  assert.deepEqual(texts({ worker: 0 }), ['one', 'three']);
  assert.deepEqual(texts({ worker: 1, level: 'error' }), ['two']);
  assert.deepEqual(texts({ worker: 7 }), []);
  assert.deepEqual(texts({ tail: 2 }), ['four', 'five']);
  assert.deepEqual(texts({ tail: 2, level: 'warn' }), ['three', 'five']);
  assert.deepEqual(texts({ tail: 0 }), []);
  const { seq } = read({ worker: 1 })[0];
  assert.deepEqual(texts({ after: seq }), ['three', 'four', 'five']);
  assert.deepEqual(texts({ after: seq, tail: 1 }), ['five']);
  assert.deepEqual(texts({ after: seq + 3 }), []);
});

test('a reader that goes on after a line is told what is gone; after one of another life it gets what there is', () => {
  const { clock, events, say, read, texts } = world({ entries: 3, bytes: 1e6 });
  clock.advance(1_000);
  for (const text of ['1', '2']) say(text);
  const { seq } = read()[0];
  assert.deepEqual(texts({ after: seq }), ['2']);
  for (const text of ['3', '4', '5', '6']) say(text);
  assert.deepEqual(texts({ after: seq }), [{ lost: 2 }, '4', '5', '6']);
  assert.deepEqual(texts(), ['4', '5', '6'], 'who asks for what there is has lost nothing');

  events.emit('deleted', { group: 'a' });
  assert.deepEqual(texts(), [], 'a deleted group leaves nothing');
  say('new');
  assert.ok(read()[0].seq > seq + 5, 'numbers go up over that');
  assert.deepEqual(texts({ after: seq }), ['new']);
});

test('who follows hears what comes, is told what it has missed, and comes to an end with the group', () => {
  const { events, logs, say } = world({ entries: 3, bytes: 1e6 });
  say('before');
  const reader = logs.read('a', { tail: 0, level: 'info' });
  let calls = 0;
  reader.follow(() => calls++);
  say('one');
  assert.equal(calls, 1);
  assert.deepEqual(
    readAll(reader).map(({ text }) => text),
    ['one'],
  );
  for (const text of ['2', '3', '4', '5']) say(text);
  assert.deepEqual(
    readAll(reader).map((line) => line.text ?? line),
    [{ lost: 1 }, '3', '4', '5'],
  );
  say('last');
  events.emit('deleted', { group: 'a' });
  assert.deepEqual(
    readAll(reader).map(({ text }) => text),
    ['last'],
  );
  assert.equal(reader.next(), 'end');
});
