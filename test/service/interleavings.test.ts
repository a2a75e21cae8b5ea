import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { NO_COVERAGE, scaled } from '../support/chance.js';
import { hostsOf } from '../support/processes.js';
import { type Answer, startService } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const RUNS = scaled(1000);
const NAMES = ['a', 'b'] as const;

const command = fc.record({
  verb: fc.constantFrom(
    ...['start', 'start', 'stop', 'restart', 'all:start', 'all:stop'],
    ...['start?wait=false', 'stop?wait=false', 'restart?wait=false'],
  ),
  name: fc.constantFrom(...NAMES),
  /** Whether the next command waits for this one; else they are under way together. */
  wait: fc.boolean(),
});

/** What the contract lets a command answer, when others are under way on the same group. */
function assertAllowed(verb: string, { status, body }: Answer): void {
  if (status === 409) assert.equal(body.code, 'superseded', verb);
  else
    assert.ok(
      status === 200 || (status === 202 && verb.includes('wait=false')),
      `${verb}: ${status} ${body.detail}`,
    );
  if (verb.endsWith('stop')) assert.equal(body.success, true, JSON.stringify(body));
}

test(`${RUNS} random interleavings over real hosts: never two incarnations of a worker, always an end`, async (t) => {
  const service = await startService(t, { env: NO_COVERAGE });
  const directory = temporaryDirectory(t);
  for (const name of NAMES) await service.register({ name, module: 'exclusive.mjs', params: { directory } });
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 2, maxLength: 6 }), async (commands) => {
      const answers: Promise<void>[] = [];
      for (const { verb, name, wait } of commands) {
        const path = verb.startsWith('all:') ? `/v1/${verb.slice(4)}` : `/v1/groups/${name}/${verb}`;
        const answer = service.call('POST', path).then((result) => assertAllowed(verb, result));
        answers.push(answer);
        if (wait) await answer;
      }
      await Promise.all(answers);
      const { body } = await service.call('POST', '/v1/stop');
      assert.equal(body.success, true);
      for (const { state, desired, reason } of (await service.call('GET', '/v1/groups')).body.groups) {
        assert.ok(['registered', 'stopped'].includes(state), `${state}: ${reason}`);
        assert.equal(desired, 'stopped');
      }
      assert.deepEqual(readdirSync(directory), [], 'every worker that was set up was torn down');
      assert.deepEqual(hostsOf(service.pid), []);
    }),
    { numRuns: RUNS, includeErrorInReport: true, endOnFailure: true },
  );
});
