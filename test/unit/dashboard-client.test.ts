import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiClient } from '#dist/dashboard/api/client.js';
import { Lost, Refused } from '#dist/dashboard/api/failures.js';
import { ServiceClock } from '#dist/dashboard/model/service-clock.js';
import { Commands } from '#dist/dashboard/state/commands.js';
import { askedSession, BOUND, becomes, problem, says, snapshot } from '../support/dashboard.js';

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
