import assert from 'node:assert/strict';
import test from 'node:test';
import { NO_COVERAGE, scaled } from '../support/chance.js';
import { descriptorsOf, hostsOf, sparesOf, threadsOf, zombiesOf } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';

const CYCLES = scaled(1000);
/** Connections of the test's own HTTP client come and go. */
const CONNECTIONS = 4;

async function cycle(service: Service, name: string): Promise<void> {
  await service.register({ name, module: 'millisecond.mjs' });
  await service.start(name);
  assert.equal((await service.stop(name)).success, true);
  assert.equal((await service.call('DELETE', `/v1/groups/${name}`)).status, 200);
}

const series = async (service: Service) =>
  (await service.metrics()).split('\n').filter((line) => line.includes('{group=')).length;

test(`${CYCLES} cycles of register, start, stop and delete leave nothing over`, async (t) => {
  const service = await startService(t, { env: NO_COVERAGE });
  const cycles = async (count: number) => {
    for (let i = 0; i < count; i++) await Promise.all([cycle(service, `a${i}`), cycle(service, `b${i}`)]);
  };
  // A host that is ready has descriptors, too.
  const spare = () => until('a spare host to be ready', () => sparesOf(service.pid)[0]);
  await cycles(5);
  await spare();
  const before = { threads: threadsOf(service.pid), descriptors: descriptorsOf(service.pid) };
  await cycles(CYCLES / 2);
  assert.deepEqual(hostsOf(service.pid), []);
  assert.deepEqual(zombiesOf(service.pid), [], 'every host was reaped');
  assert.equal(await series(service), 0);
  assert.deepEqual((await service.call('GET', '/v1/groups')).body.groups, []);
  await spare();
  assert.equal(threadsOf(service.pid), before.threads);
  await until(`the ${before.descriptors} descriptors of before, not ${descriptorsOf(service.pid)}`, () =>
    descriptorsOf(service.pid) <= before.descriptors + CONNECTIONS ? true : undefined,
  );
});
