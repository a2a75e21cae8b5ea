import assert from 'node:assert/strict';
import test from 'node:test';
import { groupSummary, recordEvents } from '#dist/events/recorder.js';
import type { ServiceEvent } from '#dist/schemas/service-event.js';
import { bringUp, comesUp, fakeCoordinator, restart, run, spec } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';

/** The real coordinator, and a short form of all that clients are told of it. */
function recorded() {
  const world = fakeCoordinator();
  const events: ServiceEvent[] = [];
  recordEvents(world.coordinator, world.clock, (event) => events.push(event));
  /** What was told since the last time. */
  const told = () => events.splice(0).map(short);
  return { ...world, world, events, told };
}

function short(event: ServiceEvent): string {
  const { type, at: _, ...rest } = event;
  const values = Object.entries(rest).map(([key, value]) =>
    key === 'summary' ? (value as { state: string }).state : JSON.stringify(value),
  );
  return [type, ...values].join(' ').replaceAll(/\\?"/g, '');
}

test('a group from its registration to its end', async () => {
  const { coordinator, world, told, hosts } = recorded();
  await coordinator.register(spec('a', { workers: 2 }));
  assert.deepEqual(told(), ['registered a registered']);
  await bringUp(world, 'a');
  assert.deepEqual(told(), [
    'desired a running',
    'transition a registered starting running null',
    'transition a starting running running null',
  ]);
  await coordinator.register(spec('a', { workers: 2 }));
  assert.deepEqual(told(), [], 'the same again is no news');
  const patched = coordinator.patch('a', { workers: 3 });
  await settle();
  hosts.of('a').workerLoops(2);
  await patched;
  assert.deepEqual(told(), ['changed a running', 'scaled a 3']);
  const removed = coordinator.remove('a');
  await settle();
  hosts.of('a').finish();
  await removed;
  assert.deepEqual(told(), [
    'desired a stopped',
    'transition a running stopping stopped null',
    'transition a stopping stopped stopped null',
    'deleted a',
  ]);
});

test('a worker that fails, stalls, is killed and starts again', async () => {
  const { coordinator, world, told, hosts, clock } = recorded();
  await coordinator.register(
    spec('a', { restart: restart({ policy: 'on-failure' }), iterationTimeoutSeconds: 1 }),
  );
  await bringUp(world, 'a');
  told();
  const host = hosts.of('a');
  host.workerThrows(0, 'bad record');
  assert.deepEqual(told(), ['failed a 0 exception Exception in worker 0: bad record']);
  host.workerEnds(0);
  run({ clock, hosts }, 1);
  assert.deepEqual(told(), ['restarted a 0 exception']);
  host.workerStalls(1);
  assert.deepEqual(told(), ['stalled a 1']);
  host.workerFails('stall', 1, 'stalled: a call has taken 2 s');
  host.workerEnds(1, true);
  assert.deepEqual(told(), ['failed a 1 stall Worker 1 stalled: a call has taken 2 s', 'killed a [1]']);
});

test('a group that dies comes back, and fails for good when it is critical and given up', async () => {
  const { coordinator, world, told, hosts, clock } = recorded();
  const rules = restart({ policy: 'on-failure', scope: 'group', maxRestarts: 1 });
  await coordinator.register(spec('a', { restart: rules, critical: true, workers: 1 }));
  await bringUp(world, 'a');
  told();
  hosts.of('a').exit();
  const died = 'The host of group a died: it was ended by SIGKILL';
  assert.deepEqual(
    told().map((text) => text.slice(0, 64)),
    [`failed a null host ${died}`, `transition a running backoff running ${died}`].map((text) =>
      text.slice(0, 64),
    ),
  );
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.deepEqual(told(), [
    'restarted a null host',
    'transition a backoff starting running null',
    'transition a starting running running null',
  ]);
  hosts.of('a').exit();
  assert.deepEqual(
    told().map((text) => text.split(' ')[0]),
    ['failed', 'transition', 'criticalFailure'],
  );
});

test('the end of the service comes last: who had to be killed, and that all have ended', async () => {
  const { coordinator, world, events, told, clock } = recorded();
  await coordinator.register(spec('a', { workers: 1 }));
  await bringUp(world, 'a');
  told();
  const closed = coordinator.close();
  await settle();
  clock.advance(5_000);
  world.hosts.of('a').exit();
  await closed;
  await coordinator.close();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['closing', 'transition', 'killed', 'transition', 'closed'],
  );
  assert.equal(told().at(-1), 'closed false 5');
});

test('a summary is what a group is, without what it has counted', async () => {
  const { coordinator, world } = recorded();
  await coordinator.register(spec('a'));
  await bringUp(world, 'a');
  assert.deepEqual(groupSummary(coordinator.get('a')), {
    name: 'a',
    state: 'running',
    desired: 'running',
    reason: null,
    workers: [
      { id: 0, index: 0, state: 'running' },
      { id: 1, index: 1, state: 'running' },
    ],
  });
});
