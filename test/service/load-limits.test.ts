import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listeningApp } from '../support/listening-app.js';
import { type Answer, until } from '../support/service.js';

const ALWAYS_ANSWERED = ['/livez', '/readyz', '/metrics'];

test('a client that asks too often is told when to come again, and is served then', async (t) => {
  const RATE = 20;
  const { fetch, groups } = await listeningApp(t, { access: { rateLimit: RATE, token: 'x' } });
  const burst = (calls: number, path: string, token: string) =>
    Promise.all(
      Array.from({ length: calls }, () => fetch('POST', path, { authorization: `Bearer ${token}` })),
    );
  let served = 0;
  const limited = await until('some of many to be refused', async () => {
    const answers = await burst(3 * RATE, '/v1/stop', 'x');
    for (const { status } of answers) assert.ok(status === 200 || status === 429, `it was ${status}`);
    const refused = answers.filter(({ status }) => status === 429);
    served += answers.length - refused.length;
    return refused.length > 0 ? refused : undefined;
  });
  assert.ok(served >= RATE, `${served} were served of ${RATE} a second`);
  for (const { body, headers } of limited) {
    assert.equal(body.code, 'rate_limited');
    assert.match(body.detail, /More than 20 requests a second .*PW_RATE_LIMIT/);
    assert.equal(headers.get('retry-after'), '1');
  }
  for (const path of ALWAYS_ANSWERED) {
    const probes = await Promise.all(Array.from({ length: 3 * RATE }, () => fetch('GET', path)));
    assert.deepEqual([...new Set(probes.map(({ status }) => status))], [200], path);
  }
  await until('to be served again', async () =>
    (await burst(1, '/v1/stop', 'x'))[0]?.status === 200 ? true : undefined,
  );

  // Guesses at a token count, on whatever path; pages of others do not.
  for (const path of ['/v1/stop', '/nope']) {
    await until(`guesses at ${path} to be refused`, async () => {
      const guesses = (await burst(3 * RATE, path, 'guess')).map(({ status }) => status);
      for (const status of guesses) assert.ok(status === 401 || status === 429, `it was ${status}`);
      return guesses.includes(429) || undefined;
    });
  }
  const foreign = { origin: 'https://evil.example' };
  const pages = await Promise.all(Array.from({ length: 3 * RATE }, () => fetch('POST', '/v1/stop', foreign)));
  assert.deepEqual([...new Set(pages.map(({ status }) => status))], [403]);
  assert.deepEqual(groups(), []);
});

function assertTurnedAway({ status, body, headers }: Answer, says: RegExp): void {
  assert.deepEqual([status, body.code], [503, 'overloaded']);
  assert.match(body.detail, says);
  assert.equal(headers.get('retry-after'), '2');
}

test('short of memory, the service turns requests away and stays observable', async (t) => {
  const { fetch } = await listeningApp(t, { access: { maxHeapBytes: 1 } });
  const turnedAway = await until('a request to be turned away', async () => {
    const answer = await fetch('GET', '/v1/groups');
    return answer.status === 503 ? answer : undefined;
  });
  assertTurnedAway(turnedAway, /short of memory/);
  for (const path of ALWAYS_ANSWERED) assert.equal((await fetch('GET', path)).status, 200, path);
  assertTurnedAway(await fetch('POST', '/v1/stop'), /short of memory/);
});

test('with more to do than it can, the service turns requests away until it has caught up', async (t) => {
  const { fetch } = await listeningApp(t, { access: { maxLateMs: 10 } });
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const busy = setInterval(() => Atomics.wait(sleeper, 0, 0, 150), 1);
  t.after(() => clearInterval(busy));
  const turnedAway = await until('a request to be turned away', async () => {
    const answer = await fetch('GET', '/v1/groups');
    return answer.status === 503 ? answer : undefined;
  });
  assertTurnedAway(turnedAway, /more to do than it can/);
  assert.equal((await fetch('GET', '/livez')).status, 200);
  clearInterval(busy);
  await until('to be served again', async () =>
    (await fetch('GET', '/v1/groups')).status === 200 ? true : undefined,
  );
});
