import assert from 'node:assert/strict';
import test from 'node:test';
import { wrongWorkerEnv } from '#dist/config/worker-env.js';
import { hostEnvironment } from '#dist/host/environment.js';

const SERVICE = {
  PATH: '/bin',
  HOME: '/home/a',
  LANG: 'C',
  LC_ALL: 'C.UTF-8',
  TZ: 'UTC',
  TMPDIR: '/tmp',
  PW_TOKEN: 'secret',
  pw_token: 'secret',
  PW_TEST: 'secret',
  NODE_OPTIONS: '--inspect',
  AWS_REGION: 'eu',
  AWS_SECRET: 'secret',
  AWSX: 'x',
  DATABASE_URL: 'secret',
};

const given = (...named: string[]) => Object.keys(hostEnvironment(SERVICE, named)).sort();
const USUAL = ['HOME', 'LANG', 'LC_ALL', 'PATH', 'TMPDIR', 'TZ'];

test('a host gets paths, language and time zone, and nothing that could be a secret', () => {
  assert.deepEqual(given(), USUAL);
});

test('a host gets what is named, by its whole name or a prefix', () => {
  assert.deepEqual(given('AWS_REGION', 'MISSING'), ['AWS_REGION', ...USUAL]);
  assert.deepEqual(given('AWS_*'), ['AWS_REGION', 'AWS_SECRET', ...USUAL]);
  assert.deepEqual(given('NODE_OPTIONS', 'LC_ALL'), [...USUAL, 'NODE_OPTIONS'].sort());
  assert.deepEqual(given('AWS'), USUAL, 'a name is no prefix');
});

test('a host gets no setting of the service, whatever is named', () => {
  const all = Object.keys(SERVICE).filter((name) => !/^pw_/i.test(name));
  assert.deepEqual(given('*', 'PW_TOKEN', 'PW_*', 'P*', 'p*'), all.sort());
});

test('what cannot be an entry is told with what is wrong', () => {
  for (const entry of ['AWS_*', 'A', '_a1', '*']) assert.equal(wrongWorkerEnv(entry), undefined, entry);
  for (const entry of ['', '1A', 'A*B', '**', 'A B', 'A-B', 'Ä'])
    assert.match(wrongWorkerEnv(entry) ?? '', /no name of a variable/, entry);
  assert.match(wrongWorkerEnv('A=1') ?? '', /names only/);
  for (const entry of ['PW_TOKEN', 'PW_*', 'pw_x']) assert.match(wrongWorkerEnv(entry) ?? '', /never/, entry);
});
