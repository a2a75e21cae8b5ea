import assert from 'node:assert/strict';
import test from 'node:test';
import { EventJournal } from '#dist/events/event-journal.js';
import type { ServiceEvent } from '#dist/schemas/service-event.js';

const at = '2026-01-01T00:00:00.000Z';
const deleted = (group: string): ServiceEvent => ({ type: 'deleted', at, group });

function journal(bounds?: { entries: number; bytes: number }) {
  return new EventJournal(
    (group) => ({ type: 'snapshot', at, groups: [], ...(group && { of: group }) }),
    bounds,
  );
}

interface Read {
  /** Names of groups, `snapshot`, or the type of what is of the whole service. */
  readonly told: string[];
  readonly ids: readonly (string | undefined)[];
  readonly lastId: string | undefined;
  readonly next: string;
}

function read(of: EventJournal, lastEventId?: string, group?: string, tail?: number): Read {
  const reader = of.watch({ group, lastEventId, tail });
  let text = '';
  let piece = reader.next();
  for (; typeof piece === 'object'; piece = reader.next()) text += piece.text;
  const events = [...text.matchAll(/(?:^id: (\S+)\n)?^event: (\S+)\ndata: (.*)\n\n/gm)];
  const told = events.map(([, , , data = '']) => {
    const event = JSON.parse(data);
    return event.group ?? event.type;
  });
  return { told, ids: events.map(([, id]) => id), lastId: events.at(-1)?.[1], next: piece };
}

test('without an id there is a snapshot, whose id one can go on from', () => {
  const of = journal();
  of.append(deleted('a'));
  const first = read(of);
  assert.deepEqual(first.told, ['snapshot']);
  assert.deepEqual(read(of, first.lastId).told, []);
  of.append(deleted('b'));
  of.append(deleted('c'));
  const second = read(of, first.lastId);
  assert.deepEqual(second.told, ['b', 'c']);
  assert.notEqual(second.lastId, first.lastId);
  of.append(deleted('d'));
  assert.deepEqual(read(of, second.lastId).told, ['d']);
});

test('before anything has happened there is an id to go on from, too', () => {
  const of = journal();
  const { lastId } = read(of);
  of.append(deleted('a'));
  assert.deepEqual(read(of, lastId).told, ['a']);
});

test('an id that is too old, of another life, of the future, or none gets a snapshot', () => {
  const of = journal({ entries: 3, bytes: 1e6 });
  const { lastId = '' } = read(of);
  for (const name of ['a', 'b', 'c']) of.append(deleted(name));
  assert.deepEqual(read(of, lastId).told, ['a', 'b', 'c'], 'just in time');
  of.append(deleted('d'));
  assert.deepEqual(read(of, lastId).told, ['snapshot']);
  const [life] = lastId.split('-');
  for (const id of [read(journal()).lastId, `${life}-5`, `${life}-999999999999999999`, `${life}--1`, 'x', ''])
    assert.deepEqual(read(of, id).told, ['snapshot'], `id ${id}`);
  assert.deepEqual(read(of, `${life}-4`).told, []);
});

test('with a tail the last of what was comes before the snapshot, and after it what happens', () => {
  const of = journal({ entries: 5, bytes: 1e6 });
  assert.deepEqual(read(of, undefined, undefined, 10).told, ['snapshot'], 'before anything has happened');
  for (const name of ['a', 'b', 'c', 'd', 'a', 'b']) of.append(deleted(name));
  assert.deepEqual(read(of, undefined, undefined, 2).told, ['a', 'b', 'snapshot']);
  assert.deepEqual(read(of, undefined, undefined, 0).told, ['snapshot']);
  assert.deepEqual(
    read(of, undefined, undefined, 1000).told,
    ['b', 'c', 'd', 'a', 'b', 'snapshot'],
    'as kept',
  );
  assert.deepEqual(read(of, undefined, 'b', 1).told, ['b', 'snapshot'], 'of those that are wanted');
  assert.deepEqual(read(of, undefined, 'nobody', 3).told, ['snapshot']);
  const first = read(of, undefined, undefined, 2);
  of.append(deleted('c'));
  assert.deepEqual(read(of, first.lastId, undefined, 3).told, ['c'], 'who knows its place has no need of it');

  const ids = (tail: number) => read(of, undefined, undefined, tail).ids.map((id) => id !== undefined);
  assert.deepEqual(ids(2), [false, false, true], 'nobody goes on from what is before the snapshot');

  // The snapshot is of the moment at which it was asked for, wherever the reader is.
  const reader = of.watch({ group: undefined, lastEventId: undefined, tail: 1 });
  of.append(deleted('later'));
  let text = '';
  for (let piece = reader.next(); typeof piece === 'object'; piece = reader.next()) text += piece.text;
  assert.deepEqual(
    [...text.matchAll(/"type":"(\w+)".*?(?:"group":"(\w+)")?\}/g)].map(([, type, group]) => group ?? type),
    ['c', 'snapshot', 'later'],
  );
});

test('who comes in the same moment gets the same snapshot, and who comes later that of then', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let made = 0;
  const of = new EventJournal(() => {
    made++;
    return { type: 'snapshot', at, groups: [] };
  });
  for (let i = 0; i < 5; i++) read(of);
  assert.equal(made, 1);
  read(of, undefined, 'a');
  assert.equal(made, 2, 'of one group it is another');
  of.append(deleted('a'));
  read(of);
  assert.equal(made, 3, 'something has happened');
  t.mock.timers.tick(100);
  read(of);
  assert.equal(made, 4, 'some time has passed');
});

test('of one group there is what is its own, and what is of the whole service', () => {
  const of = journal();
  const { lastId } = read(of, undefined, 'a');
  for (const name of ['a', 'b', 'a']) of.append(deleted(name));
  of.append({ type: 'closing', at });
  assert.deepEqual(read(of, lastId, 'a').told, ['a', 'a', 'closing']);
});

test('a heartbeat has the id of what was passed over, so that what happens elsewhere makes nobody start anew', () => {
  const of = journal({ entries: 3, bytes: 1e6 });
  const reader = of.watch({ group: 'a', lastEventId: undefined });
  reader.next();
  for (let i = 0; i < 3; i++) {
    of.append(deleted('b'));
    assert.equal(reader.next(), 'wait');
  }
  const [, id] = /^: alive\nid: (\S+)\n\n$/.exec(of.heartbeat(reader)) ?? [];
  for (const name of ['b', 'a', 'b']) of.append(deleted(name));
  assert.deepEqual(read(of, id, 'a').told, ['a']);
});

test('at its end a stream has all that was, then ends', () => {
  const of = journal();
  const { lastId } = read(of);
  of.append({ type: 'closed', at, success: true, seconds: 0 });
  of.end();
  const last = read(of, lastId);
  assert.deepEqual([last.told, last.lastId, last.next], [['closed'], read(of).lastId, 'end']);
});
