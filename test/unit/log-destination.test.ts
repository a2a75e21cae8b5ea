import assert from 'node:assert/strict';
import test from 'node:test';
import { LogDestination } from '#dist/log-destination.js';
import { settle } from '../support/fake-clock.js';
import { until } from '../support/service.js';

/** An output that takes so many bytes; none as long as nobody reads. */
function output() {
  const state = {
    text: '',
    room: Number.POSITIVE_INFINITY,
    calls: 0,
    error: undefined as string | undefined,
  };
  const log = new LogDestination((bytes) => {
    state.calls++;
    if (state.error !== undefined) throw Object.assign(new Error(state.error), { code: state.error });
    if (state.room === 0) throw Object.assign(new Error('it is full'), { code: 'EAGAIN' });
    const taken = bytes.subarray(0, state.room);
    state.room -= taken.length;
    state.text += Buffer.from(taken).toString();
    return taken.length;
  });
  return { log, state };
}

test('the first line of a turn is written at once, the others of it together', async () => {
  const { log, state } = output();
  for (const line of ['one\n', 'two\n', 'three\n']) log.write(line);
  assert.deepEqual([state.text, state.calls], ['one\n', 1]);
  await settle();
  assert.deepEqual([state.text, state.calls], ['one\ntwo\nthree\n', 2]);
});

test('what does not pass waits, and goes on where it was', async () => {
  const { log, state } = output();
  state.room = 5;
  log.write('one\ntwo\n');
  await settle();
  assert.equal(state.text, 'one\nt');
  log.write('three\n');
  state.room = 100;
  await until('the rest', () => state.text === 'one\ntwo\nthree\n' || undefined);
});

test('what is too much is dropped, counted, and told when there is room again', async () => {
  const { log, state } = output();
  state.room = 0;
  const line = `${'x'.repeat(1023)}\n`;
  for (let i = 0; i < 2_000; i++) log.write(line);
  await settle();
  for (let i = 0; i < 500; i++) log.write(line);
  assert.equal(log.dropped, 2_500 - 1_024, 'one MiB waits');
  state.room = Number.POSITIVE_INFINITY;
  log.flushSync();
  const lines = state.text.trimEnd().split('\n');
  const complaints = lines.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text));
  assert.equal(lines.length - complaints.length, 1_024);
  const told = complaints.map(({ level, msg }) => {
    assert.match(msg, /^\d+ lines of this log were dropped: nobody read standard output$/);
    assert.equal(level, 40);
    return Number.parseInt(msg, 10);
  });
  assert.equal(
    told.reduce((sum, count) => sum + count, 0),
    log.dropped,
  );
  log.write('more\n');
  log.flushSync();
  assert.match(state.text, /standard output"\}\nmore\n$/);
});

test('an output that is gone is not tried again, and the end of the process waits for no reader', async () => {
  const { log, state } = output();
  state.room = 0;
  log.write('one\n');
  log.end();
  assert.ok(state.calls > 1, 'it was tried');
  state.error = 'EPIPE';
  log.flushSync();
  const { calls } = state;
  log.write('two\n');
  await settle();
  log.end();
  assert.ok(state.calls <= calls + 1);
  assert.equal(state.text, '');
});
