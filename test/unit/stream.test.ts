import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import test from 'node:test';
import { Stream } from '#dist/api/streams/stream.js';
import { Journal } from '#dist/events/journal.js';
import { JournalReader } from '#dist/events/journal-reader.js';
import { FakeClock, settle } from '../support/fake-clock.js';

/** A connection that takes what is written when the test says so. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  ended = false;
  destroyed = false;
  #taken: (() => void) | undefined;

  write(text: string, taken: () => void): boolean {
    assert.equal(this.#taken, undefined, 'two pieces are under way');
    this.written.push(text);
    this.#taken = taken;
    return false;
  }

  /** The system takes what was written last. */
  take(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  end(): void {
    this.ended = true;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function streaming(entries = 3) {
  const clock = new FakeClock();
  const response = new FakeResponse();
  const journal = new Journal({ entries, bytes: 1e6 });
  const closed: boolean[] = [];
  new Stream({
    source: new JournalReader({ journal, from: 0, head: 'head', wants: () => true }),
    // What a stream needs of a response, and no more.
    response: response as unknown as ServerResponse,
    clock,
    heartbeat: { everyMs: 15_000, text: () => 'beat' },
    onClosed: (cut) => closed.push(cut),
  });
  return { clock, response, journal, closed };
}

test('one piece is under way at a time; what comes meanwhile is sent together', async () => {
  const { response, journal } = streaming();
  assert.deepEqual(response.written, ['head']);
  journal.append({ text: 'a' });
  await settle();
  assert.deepEqual(response.written, ['head'], 'the client has not taken the head yet');
  journal.append({ text: 'b' });
  response.take();
  assert.deepEqual(response.written, ['head', 'ab']);
});

test('a heartbeat comes when there was nothing for its time, and never while something is under way', async () => {
  const { clock, response, journal } = streaming();
  clock.advance(60_000);
  assert.deepEqual(response.written, ['head'], 'the client is not through with the head');
  response.take();
  clock.advance(14_999);
  assert.equal(response.written.length, 1);
  clock.advance(1);
  assert.deepEqual(response.written, ['head', 'beat']);
  response.take();
  clock.advance(10_000);
  journal.append({ text: 'a' });
  await settle();
  response.take();
  clock.advance(14_999);
  assert.deepEqual(response.written, ['head', 'beat', 'a'], 'counted from what was sent last');
  clock.advance(1);
  assert.deepEqual(response.written.at(-1), 'beat');
});

test('a client that takes nothing is cut off when what it has to read is gone; not before', () => {
  const { response, journal, closed, clock } = streaming(3);
  for (const text of ['a', 'b', 'c']) journal.append({ text });
  assert.equal(response.destroyed, false);
  journal.append({ text: 'd' });
  assert.equal(response.destroyed, true);
  assert.deepEqual(closed, [true]);
  assert.equal(clock.pending, 0);
});

test('a client that is slow and steady is not cut off', () => {
  const { response, journal, closed } = streaming(3);
  for (let i = 0; i < 100; i++) {
    journal.append({ text: `${i} ` });
    if (i % 3 === 2) response.take();
  }
  response.take();
  assert.equal(response.written.slice(1).join(''), Array.from({ length: 100 }, (_, i) => `${i} `).join(''));
  assert.deepEqual(closed, []);
});

test('it ends when all is read, and nothing is left of a client that goes', async () => {
  const end = streaming();
  end.journal.append({ text: 'last' });
  end.journal.end();
  end.response.take();
  assert.deepEqual([end.response.written.at(-1), end.response.ended], ['last', false]);
  end.response.take();
  assert.equal(end.response.ended, true);
  assert.deepEqual(end.closed, [false]);

  const gone = streaming();
  gone.response.take();
  gone.response.emit('close');
  gone.journal.append({ text: 'a' });
  await settle();
  assert.deepEqual(gone.response.written, ['head']);
  assert.deepEqual([gone.closed, gone.clock.pending], [[false], 0]);
});
