import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Lost } from '#dist/dashboard/api/failures.js';
import type { Snapshot } from '#dist/dashboard/model/history.js';
import { Session } from '#dist/dashboard/state/session.js';
import { TokenKeeper } from '#dist/dashboard/state/token-keeper.js';
import { askedSession, BOUND, becomes, isLocked, memory, refused, snapshot } from '../support/dashboard.js';

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
