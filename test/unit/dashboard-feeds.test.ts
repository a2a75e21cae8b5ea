import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFeed } from '#dist/dashboard/state/event-feed.js';
import { LogFeed } from '#dist/dashboard/state/log-feed.js';
import { BOUND, refused, says } from '../support/dashboard.js';

const EVENT = { type: 'deleted', at: '2026-01-01T12:00:00.000Z', group: 'a' };

test('events go on where they were', BOUND, async () => {
  const ids: (string | undefined)[] = [];
  const block = `id: 7-1\nevent: snapshot\ndata: {"type":"snapshot","groups":[]}\n\nid: 7-2\ndata: ${JSON.stringify(EVENT)}\n\n`;
  const feed = new EventFeed(async (_signal, id) => {
    ids.push(id);
    return ids.length === 1 ? says(block) : new Promise<Response>(() => {});
  });
  feed.run(true);
  feed.run(true);
  await new Promise<void>((resolve) => feed.subscribe(resolve));
  assert.deepEqual(
    feed.events.map(({ group, text }) => [group, text]),
    [['a', 'deleted']],
  );
  feed.run(false);
  feed.run(true);
  assert.deepEqual(ids, [undefined, '7-2']);
  feed.run(false);
});

test('the log is asked again after its last line', BOUND, async (t) => {
  const line = (seq: number) =>
    `${JSON.stringify({ seq, time: EVENT.at, level: 'info', workerId: null, text: 'hello' })}\n`;
  const answers = [() => `{"lost":3}\n${line(41)}`, () => '', () => line(42)];
  const after: (number | undefined)[] = [];
  const log = new LogFeed(async (_signal, seq) => {
    after.push(seq);
    const answer = answers.shift();
    return answer === undefined ? new Promise<string>(() => {}) : answer();
  });
  t.after(() => log.run(false));
  /** Holds and goes on, in place of the second that it waits. */
  const again = () => {
    log.run(false);
    log.run(true);
  };
  log.run(true);
  await new Promise<void>((resolve) => log.subscribe(resolve));
  again();
  again();
  await new Promise<void>((resolve) => log.subscribe(resolve));
  assert.deepEqual(
    log.lines.map(({ key }) => key),
    ['lost-0', '41', '42'],
  );
  again();
  assert.deepEqual(after, [undefined, 41, 41, 42]);
});

test('a stream that cannot be read gives its connection back', BOUND, async (t) => {
  t.mock.method(console, 'error', () => {});
  let cancelled = () => {};
  const isCancelled = new Promise<void>((resolve) => {
    cancelled = resolve;
  });
  const feed = new EventFeed(async () => {
    const start = (controller: ReadableStreamDefaultController) =>
      controller.enqueue(new TextEncoder().encode('id: 1\ndata: {bad\n\n'));
    return new Response(new ReadableStream({ start, cancel: () => cancelled() }));
  });
  t.after(() => feed.run(false));
  feed.run(true);
  await isCancelled;
});

test('a stream that is refused is told of, until there is one', BOUND, async (t) => {
  const answers = [
    () => Promise.reject(refused(503, 'too_many_streams')),
    () => Promise.resolve(new Response('')),
  ];
  const feed = new EventFeed(() => (answers.shift() ?? (() => new Promise(() => {})))());
  t.after(() => feed.run(false));
  const told: (string | undefined)[] = [];
  const both = new Promise<void>((resolve) => {
    feed.subscribe(() => {
      told.push(feed.trouble);
      if (told.length === 2) resolve();
    });
  });
  feed.run(true);
  await both;
  assert.deepEqual(told, ['because too_many_streams', undefined]);
});

test(
  'a stream in which nothing comes, not even a sign of life, is given up, told, and asked for anew',
  BOUND,
  async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const signals: AbortSignal[] = [];
    let asked = () => {};
    const feed = new EventFeed((signal) => {
      signals.push(signal);
      asked();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    });
    t.after(() => feed.run(false));
    feed.run(true);
    const told = new Promise<void>((resolve) => feed.subscribe(resolve));
    t.mock.timers.tick(39_999);
    assert.equal(signals[0]?.aborted, false);
    t.mock.timers.tick(1);
    await told;
    assert.equal(feed.trouble, 'Events do not come through.');
    const again = new Promise<void>((resolve) => {
      asked = resolve;
    });
    // It waits a second first; the wait begins when the failure has been dealt with.
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1_000);
    await again;
    assert.equal(signals.length, 2);
  },
);
