import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ApiClient } from '#dist/dashboard/api/client.js';
import { Lost, Refused } from '#dist/dashboard/api/failures.js';
import { numbersOf, presentCall } from '#dist/dashboard/model/group-text.js';
import { History, type Snapshot } from '#dist/dashboard/model/history.js';
import { Series } from '#dist/dashboard/model/series.js';
import { ServiceClock } from '#dist/dashboard/model/service-clock.js';
import { Commands } from '#dist/dashboard/state/commands.js';
import { EventFeed } from '#dist/dashboard/state/event-feed.js';
import { LogFeed } from '#dist/dashboard/state/log-feed.js';
import { Session } from '#dist/dashboard/state/session.js';
import { TokenKeeper } from '#dist/dashboard/state/token-keeper.js';
import { remarksOf } from '#dist/readings/group-words.js';
import { GroupStatus } from '#dist/schemas/group-status.js';

const [EXAMPLE] = (GroupStatus as unknown as { examples: [GroupStatus] }).examples;

/** What never comes fails the test, and not the whole run. */
const BOUND = { timeout: 30_000 };

/** A snapshot of one group, in which so many calls of a millisecond have ended. */
function snapshot(at: number, calls: number, change: Partial<GroupStatus> = {}): Snapshot {
  const group = { ...EXAMPLE, ...change };
  const buckets = [
    [0.001, calls],
    [Number.POSITIVE_INFINITY, calls],
  ] as const;
  return {
    at,
    groups: [group],
    times: new Map([[group.name, { count: calls, seconds: calls / 1000, buckets }]]),
  };
}

const problem = (status: number, code: string) => ({
  type: '',
  title: '',
  status,
  code,
  detail: `because ${code}`,
});
const refused = (status: number, code: string) => new Refused(problem(status, code) as Refused['problem']);

test('history makes rates of snapshots, with gaps where nothing is known', () => {
  const history = new History();
  for (let second = 0; second <= 10; second++)
    history.add(snapshot(second, second < 5 ? 0 : 100 * (second - 5)));
  const [view] = history.views;
  assert.ok(view);
  assert.equal(view.calls?.perSecond, 100, 'over the last five seconds');
  assert.equal(view.cpu, 0);
  assert.equal(view.series.column('perSecond')[0], null, 'of one snapshot alone');
  assert.deepEqual(numbersOf(view), {
    workers: '1/1',
    perSecond: '100',
    median: '500 µs',
    p99: '990 µs',
    memory: '74 MiB',
    cpu: '0 %',
    feedDepth: null,
    trainerWaits: null,
  });

  history.add(snapshot(100, 0, { host: null }));
  assert.deepEqual(view.series.column('memoryMib').slice(-2), [null, null]);
  assert.equal(history.views[0]?.calls, undefined, 'after a gap it begins anew');
  history.add(snapshot(101, 10, { name: 'other' }));
  assert.equal(history.views[0]?.series.length, 1, 'another group');
});

test('series keep the last minutes', () => {
  const series = new Series(10);
  for (let second = 0; second < 100; second++) series.add(second, { ...snapshotPoint(), perSecond: second });
  assert.equal(series.length, 11);
  assert.deepEqual([series.times[0], series.column('perSecond')[0]], [89, 89]);
});

function snapshotPoint() {
  return { perSecond: 0, median: 0, p99: 0, feedDepth: null, takeWaitShare: null, memoryMib: 1 };
}

test('what there is to say of a group and its workers', () => {
  const clock = new ServiceClock(() => Date.parse('2026-01-01T12:00:40.000Z'));
  const [worker] = EXAMPLE.workers;
  assert.ok(worker);
  assert.equal(presentCall(worker, clock), '10 s');
  assert.equal(presentCall({ ...worker, lastProgress: '2026-01-01T12:00:39.900Z' }, clock), '< 1 s');
  assert.equal(presentCall({ ...worker, state: 'stopped' }, clock), '-');
  const restartAt = '2026-01-01T12:00:43.000Z';
  assert.deepEqual(remarksOf({ ...EXAMPLE, reason: 'why', restartAt, restartPending: true }, clock.now()), [
    'why',
    'starts again in 3 s',
    'its spec has changed since it was started',
  ]);
});

/** Waits until the session has changed to what is wanted. */
function becomes(session: Session, wanted: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (wanted()) return resolve();
    const end = session.subscribe(() => {
      if (!wanted()) return;
      end();
      resolve();
    });
  });
}

function isLocked({ connection }: Session, wrong: boolean): boolean {
  return connection.kind === 'locked' && connection.wrong === wrong;
}

function memory() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

test(
  'a session is lost and found, asks for a token and keeps the right one',
  BOUND,
  async (t: TestContext) => {
    const storage = memory();
    const tokens = new TokenKeeper(storage);
    const answers: (() => Snapshot)[] = [];
    const fail = (error: Error) => () => {
      throw error;
    };
    const session = new Session(async () => (answers.shift() ?? (() => snapshot(0, 0)))(), tokens);
    t.after(() => session.stop());
    answers.push(fail(new Lost('nobody there')));
    session.start();
    await becomes(session, () => session.connection.kind === 'lost');
    assert.equal(session.hasSeen, false);
    assert.ok(session.connection.kind === 'lost' && session.connection.lastSeen === undefined);
    session.lookNow();
    await becomes(session, () => session.connection.kind === 'live');
    assert.equal(session.views.length, 1);
    assert.ok(session.isWatching);

    answers.push(fail(refused(503, 'overloaded')));
    session.lookNow();
    await becomes(session, () => session.connection.kind === 'lost');
    assert.ok(session.connection.kind === 'lost' && session.connection.lastSeen !== undefined);
    answers.push(fail(refused(401, 'unauthorized')));
    session.lookNow();
    await becomes(session, () => isLocked(session, false));
    assert.equal(session.isWatching, false);
    answers.push(fail(refused(401, 'unauthorized')));
    assert.equal(session.hasSeen, false, 'what was seen is forgotten');
    session.useToken('wrong');
    await becomes(session, () => isLocked(session, true));
    assert.equal(storage.kept.size, 0);
    session.useToken('right');
    await becomes(session, () => session.connection.kind === 'live');
    assert.deepEqual([...storage.kept.values()], ['right']);
    assert.equal(new TokenKeeper(storage).current, 'right', 'as after a reload');
    session.show(false);
    assert.equal(session.isWatching, false, 'nobody looks');
    session.forgetToken();
    assert.equal(storage.kept.size, 0);
  },
);

/** A stream that says this and ends. */
const says = (text: string) => new Response(text);

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

test('a look that takes long is told, and one that ends is live again', BOUND, async (t) => {
  const { session, next } = askedSession(t);
  const kind = (): string => session.connection.kind;
  (await next()).answer(snapshot(1, 0));
  await becomes(session, () => kind() === 'live');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  session.lookNow();
  const slow = await next();
  t.mock.timers.tick(2_999);
  assert.equal(kind(), 'live');
  t.mock.timers.tick(1);
  assert.equal(kind(), 'late');
  assert.ok(session.isWatching, 'it may answer yet');
  slow.answer(snapshot(2, 0));
  await becomes(session, () => kind() === 'live');
  t.mock.timers.reset();
});

test('commands tell what is under way, and what was refused', BOUND, async (t) => {
  const { session, next } = askedSession(t);
  (await next()).answer(snapshot(1, 0));
  await becomes(session, () => session.connection.kind === 'live');
  const asked: string[] = [];
  const answers: (() => Response)[] = [];
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const api = new ApiClient({
    token: () => undefined,
    clock: new ServiceClock(),
    seconds: () => 0,
    fetch: async (path, init) => {
      asked.push(`${init?.method} ${path}`);
      await held;
      return (answers.shift() ?? (() => new Response('{}', { status: 202 })))();
    },
  });
  const commands = new Commands(api, session);
  const stopped = commands.run('stop', 'a');
  assert.deepEqual(commands.underWay('a'), ['stop']);
  assert.deepEqual(commands.underWay('b'), []);
  await next();
  letGo();
  assert.equal(await stopped, true);
  assert.deepEqual(commands.underWay('a'), []);
  for (const command of ['start', 'restart', 'delete'] as const) await commands.run(command, 'a');
  assert.equal(await commands.scale('a', 3), undefined);
  // None of them waits for workers.
  assert.deepEqual(asked, [
    'POST v1/groups/a/stop?wait=false',
    'POST v1/groups/a/start?wait=false',
    'POST v1/groups/a/restart?wait=false',
    'DELETE v1/groups/a?wait=false',
    'PATCH v1/groups/a?wait=false',
  ]);

  answers.push(() => new Response(JSON.stringify(problem(409, 'superseded')), { status: 409 }));
  assert.equal(await commands.run('start', 'a'), false);
  answers.push(() => {
    throw new TypeError('failed to fetch');
  });
  assert.equal(await commands.run('stop', 'b'), false);
  answers.push(() => new Response(JSON.stringify(problem(422, 'invalid_request')), { status: 422 }));
  assert.equal(await commands.scale('a', 1000), 'because invalid_request');
  assert.deepEqual(
    commands.notices.map(({ text }) => text),
    [
      'Could not start a. because superseded',
      'Could not stop b. The service does not answer. Whether it was done is not known.',
    ],
  );
  const [first] = commands.notices;
  assert.ok(first);
  commands.putAway(first.key);
  assert.equal(commands.notices.length, 1);
  commands.putAllAway();
  assert.deepEqual(commands.notices, []);
});

test('the client says who answers, and what', async () => {
  const asked: { path: string; init: RequestInit | undefined }[] = [];
  let answer: () => Response = () => says('');
  const api = new ApiClient({
    token: () => 'secret',
    clock: new ServiceClock(),
    seconds: () => 5,
    fetch: async (path, init) => {
      asked.push({ path: String(path), init });
      return answer();
    },
  });
  answer = () => says('{"groups": []}');
  assert.deepEqual(await api.snapshot(), { at: 5, times: new Map(), groups: [] });
  await api.scale('a', 3);
  const [last] = asked.slice(-1);
  assert.deepEqual(
    [last?.path, last?.init?.method, last?.init?.body],
    ['v1/groups/a?wait=false', 'PATCH', '{"workers":3}'],
  );
  assert.deepEqual(last?.init?.headers, {
    'content-type': 'application/json',
    authorization: 'Bearer secret',
  });
  answer = () => new Response(JSON.stringify(problem(404, 'group_not_found')), { status: 404 });
  await assert.rejects(api.start('b'), (error) => error instanceof Refused && error.status === 404);
  answer = () => new Response('<h1>Bad gateway</h1>', { status: 502 });
  await assert.rejects(api.stop('b'), (error) => error instanceof Lost && /says 502/.test(error.message));
  answer = () => says('<h1>Welcome</h1>');
  await assert.rejects(api.register({}), Lost);
  answer = () => {
    throw new TypeError('failed to fetch');
  };
  await assert.rejects(api.delete('b'), /does not answer/);
});

/** A session whose questions a test answers, each with the token that it was asked with. */
function askedSession(t: TestContext) {
  const storage = memory();
  const tokens = new TokenKeeper(storage);
  interface Question {
    readonly token: string | undefined;
    readonly answer: (snapshot: Snapshot) => void;
    readonly refuse: (error: unknown) => void;
  }
  const questions: Question[] = [];
  let asked = () => {};
  const session = new Session(
    () =>
      new Promise((answer, refuse) => {
        questions.push({ token: tokens.current, answer, refuse });
        asked();
      }),
    tokens,
  );
  t.after(() => session.stop());
  session.start();
  const next = async (): Promise<Question> => {
    while (questions.length === 0)
      await new Promise<void>((resolve) => {
        asked = resolve;
      });
    return questions.shift() as Question;
  };
  return { session, tokens, kept: storage.kept, next };
}

test('what is said to one token says nothing of the next', BOUND, async (t) => {
  const { session, tokens, kept, next } = askedSession(t);
  (await next()).refuse(refused(401, 'unauthorized'));
  await becomes(session, () => isLocked(session, false));

  session.useToken('first');
  const first = await next();
  session.useToken('second');
  first.refuse(refused(401, 'unauthorized'));
  const second = await next();
  assert.deepEqual([first.token, second.token, tokens.current], ['first', 'second', 'second']);
  second.answer(snapshot(1, 0));
  await becomes(session, () => session.connection.kind === 'live');
  assert.deepEqual([...kept.values()], ['second']);

  session.lookNow();
  const late = await next();
  session.forgetToken();
  assert.deepEqual(session.views, [], 'nothing that was seen by it stays');
  session.useToken('wrong');
  late.answer(snapshot(2, 0));
  const wrong = await next();
  assert.equal(wrong.token, 'wrong');
  assert.deepEqual([...kept.values()], [], 'an answer to another token does not make it a good one');
  wrong.refuse(refused(401, 'unauthorized'));
  await becomes(session, () => isLocked(session, true));
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

test('a token may have any letters', async () => {
  let sent: unknown;
  const api = new ApiClient({
    token: () => 'größe-🎉',
    clock: new ServiceClock(() => 0),
    seconds: () => 0,
    fetch: async (_path, init) => {
      sent = new Headers(init?.headers).get('authorization');
      return new Response('{}');
    },
  });
  await api.start('any');
  assert.equal(Buffer.from(String(sent), 'latin1').toString(), 'Bearer größe-🎉', 'in UTF-8, as it is read');
});
