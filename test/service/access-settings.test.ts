import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exchange, type HeaderLines, rawRequest } from '../support/raw-http.js';
import { startService, until } from '../support/service.js';

test('tokens, names and the rate are what the settings say', async (t) => {
  const service = await startService(t, {
    env: {
      PW_TOKEN: 'all',
      PW_READ_TOKEN: 'read',
      PW_ALLOWED_HOSTS: 'One.example, two',
      PW_RATE_LIMIT: '10',
    },
  });
  const port = Number(new URL(service.url).port);
  const call = async (method: string, host: string, ...headers: HeaderLines) => {
    const { status, body } = await exchange(
      t,
      { port },
      rawRequest(method, '/v1/groups', [['host', host], ...headers]),
    );
    return [status, body.code];
  };
  const bearer = (token: string) => ['authorization', `Bearer ${token}`] as const;
  assert.deepEqual(await call('GET', 'localhost'), [401, 'unauthorized']);
  assert.deepEqual(await call('GET', 'one.example', bearer('read')), [200, undefined]);
  assert.deepEqual(await call('POST', 'two:80', bearer('read')), [403, 'read_only_token']);
  assert.deepEqual(await call('POST', 'two', bearer('all')), [400, 'invalid_request'], 'there is no body');
  assert.deepEqual(await call('GET', 'three', bearer('all')), [403, 'host_not_allowed']);
  await until('the rate to be too high', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => call('GET', 'localhost')));
    return answers.some(([, code]) => code === 'rate_limited') || undefined;
  });
});
