import assert from 'node:assert/strict';
import test from 'node:test';
import type { Group } from '#dist/coordinator/group.js';
import { ProblemError } from '#dist/errors.js';
import {
  bringUp,
  code,
  comesUp,
  fakeCoordinator,
  restart,
  run,
  running,
  spec,
} from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';

const MIB = 1024 * 1024;
const ON_FAILURE = restart({ policy: 'on-failure' });
const GROUP_SCOPE = restart({ policy: 'on-failure', scope: 'group' });

const states = (group: Group) => group.workers().map(({ state }) => state);
const restartsOf = (group: Group) => group.workers().map(({ restarts }) => restarts);
const restartAts = (group: Group) => group.workers().map(({ restartAt }) => restartAt?.getTime());
const given = <T>(value: T | undefined | null): T => {
  assert.ok(value !== undefined && value !== null);
  return value;
};

/** What a user can see of a group, and what its host was asked. */
const picture = (group: Group, asked: readonly string[]) => ({
  state: group.state,
  reason: group.reason,
  states: states(group),
  restarts: restartsOf(group),
  restartAts: restartAts(group),
  killed: group.record.killed,
  stalls: group.record.stalls,
  failures: group.record.failures.length,
  asked: [...asked],
});

// One worker alone.

test('a worker that throws starts again alone, when it has ended and has waited; the others go on', async () => {
  const { clock, host, group } = await running({ workers: 3, restart: ON_FAILURE });
  host.workerThrows(1, 'bad record');
  assert.equal(group.state, 'running');
  assert.deepEqual(states(group), ['running', 'failed', 'running']);
  clock.advance(4_000);
  assert.deepEqual(host.asked, ['init', 'run'], 'its thread has not ended yet');
  assert.deepEqual(restartAts(group), [undefined, undefined, undefined]);

  host.workerEnds(1);
  assert.deepEqual(restartAts(group), [undefined, 5_000, undefined]);
  clock.advance(999);
  assert.deepEqual(host.asked, ['init', 'run'], 'it waits');
  clock.advance(1);
  assert.deepEqual(host.asked, ['init', 'run', 'start 1 at 1']);
  assert.deepEqual(states(group), ['running', 'starting', 'running']);
  assert.deepEqual(restartAts(group), [undefined, undefined, undefined]);

  host.workerLoops(1);
  assert.deepEqual(states(group), ['running', 'running', 'running']);
  assert.deepEqual(restartsOf(group), [0, 1, 0]);
  assert.deepEqual([group.state, group.reason], ['running', null]);
  assert.equal(group.record.restarts.get('exception'), 1);
  assert.deepEqual(group.record.failures, [
    { at: new Date(0), kind: 'exception', workerId: 1, reason: 'Exception in worker 1: bad record' },
  ]);
});

test('each further wait of a worker is longer, and each worker has a budget of its own', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  const waits = (id: number) => {
    host.workerThrows(id);
    host.workerEnds(id);
    const wait = given(group.workers()[id]?.restartAt).getTime() - clock.now();
    clock.advance(wait);
    host.workerLoops(id);
    return wait;
  };
  assert.deepEqual([waits(0), waits(0), waits(1), waits(0)], [1_000, 2_000, 1_000, 4_000]);
});

test('when the budget of a worker is spent its group has failed, and says so', async () => {
  const rules = restart({ policy: 'on-failure', maxRestarts: 1 });
  const { clock, hosts, host, group } = await running({ restart: rules });
  host.workerThrows(0, 'bad record');
  host.workerEnds(0);
  clock.advance(1_000);
  host.workerLoops(0);
  host.workerThrows(0, 'bad record');
  assert.equal(group.state, 'stopping');
  assert.deepEqual(host.asked, ['init', 'run', 'start 0 at 0', 'stop']);
  host.finish();
  assert.equal(group.state, 'failed');
  assert.match(
    given(group.reason),
    /^Exception in worker 0: bad record; it is given up: 1 restart within 30 s of running/,
  );
  assert.equal(group.desired, 'running', 'what the user wants has not changed');
  assert.equal(group.restartAt, undefined);
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  await settle();
  assert.equal(hosts.all.length, 1);
  assert.deepEqual(
    group.record.failures.map(({ kind, workerId }) => [kind, workerId]),
    [
      ['exception', 0],
      ['exception', 0],
    ],
  );
  assert.equal(group.record.failures.at(-1)?.reason, group.reason);
});

test('a budget of no restarts says that none are allowed', async () => {
  const { host, group } = await running({ restart: restart({ policy: 'on-failure', maxRestarts: 0 }) });
  host.workerThrows(0);
  host.finish();
  assert.equal(group.state, 'failed');
  assert.match(given(group.reason), /it is given up: no restarts are allowed/);
});

test('the budget of a worker is whole again after a healthy window of running', async () => {
  const rules = restart({ policy: 'on-failure', maxRestarts: 1, windowSeconds: 60 });
  const { world, clock, host, group } = await running({ restart: rules });
  for (let i = 0; i < 3; i++) {
    host.workerThrows(0);
    host.workerEnds(0);
    assert.equal(given(group.workers()[0]?.restartAt).getTime() - clock.now(), 1_000);
    clock.advance(1_000);
    host.workerLoops(0);
    run(world, 60);
  }
  host.workerThrows(0);
  host.workerEnds(0);
  clock.advance(1_000);
  host.workerLoops(0);
  run(world, 59);
  assert.equal(group.state, 'running');
  host.workerThrows(0);
  assert.equal(group.state, 'stopping', 'a second too early');
});

test('a group remembers its last ten failures', async () => {
  const rules = restart({
    policy: 'on-failure',
    maxRestarts: 100,
    backoff: { ...ON_FAILURE.backoff, factor: 1 },
  });
  const { clock, host, group } = await running({ restart: rules });
  for (let i = 0; i < 12; i++) {
    host.workerThrows(0, `failure ${i}`);
    host.workerEnds(0);
    clock.advance(1_000);
    host.workerLoops(0);
  }
  assert.deepEqual(
    group.record.failures.map(({ reason }) => reason),
    Array.from({ length: 10 }, (_, i) => `Exception in worker 0: failure ${i + 2}`),
  );
  assert.equal(group.record.restartsTotal, 12);
});

test('a worker whose teardown hangs after its failure is killed when the grace is over', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  clock.advance(4_999);
  assert.deepEqual(host.asked, ['init', 'run']);
  clock.advance(1);
  assert.deepEqual(host.asked, ['init', 'run', 'kill 0']);
  host.workerEnds(0, true);
  assert.equal(group.record.killed, 1);
  clock.advance(1_000);
  assert.deepEqual(host.asked, ['init', 'run', 'kill 0', 'start 0 at 0']);
  assert.equal(group.state, 'running');
});

test('a worker that fails again on its way out has failed once', async () => {
  const { clock, host, group } = await running({
    restart: restart({ policy: 'on-failure', maxRestarts: 1 }),
  });
  host.workerThrows(0, 'bad record');
  host.workerFails('teardown', 0, 'not open');
  assert.equal(group.state, 'running');
  assert.equal(group.record.failures.length, 1);
  host.workerEnds(0);
  clock.advance(1_000);
  host.workerLoops(0);
  assert.deepEqual(states(group), ['running', 'running']);
});

test('when a thread cannot be ended the host is killed, and the whole group starts again', async () => {
  const { world, clock, hosts, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  clock.advance(5_000);
  host.workerSticks(0);
  assert.equal(group.state, 'stopping');
  assert.equal(host.asked.at(-1), 'kill');
  host.exit();
  assert.equal(group.state, 'backoff');
  assert.match(given(group.reason), /Worker 0 could not be ended, because it sits in a system call/);
  assert.equal(group.record.failures.at(-1)?.kind, 'stall');
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.equal(hosts.all.length, 2);
  assert.deepEqual([group.state, group.reason], ['running', null]);
  assert.deepEqual(states(group), ['running', 'running']);
});

test('a restarted worker that does not start in time is killed and has failed', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE, startTimeoutSeconds: 10 });
  host.workerThrows(0);
  host.workerEnds(0);
  clock.advance(1_000);
  clock.advance(9_999);
  assert.deepEqual(states(group), ['starting', 'running']);
  clock.advance(1);
  assert.deepEqual(states(group), ['failed', 'running']);
  assert.equal(host.asked.at(-1), 'kill 0');
  const failure = given(group.record.failures.at(-1));
  assert.equal(failure.kind, 'start');
  assert.match(failure.reason, /Worker 0 of group "a" did not start within 10 s/);
  host.workerEnds(0, true);
  clock.advance(1_999);
  assert.equal(host.asked.at(-1), 'kill 0');
  clock.advance(1);
  assert.equal(host.asked.at(-1), 'start 0 at 0', 'the wait of the second try in the window');
  host.workerLoops(0);
  clock.advance(10_000);
  assert.deepEqual(states(group), ['running', 'running'], 'one that has started has no such deadline');
});

test('a worker that stalls is killed at once, counted, and started again', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE, iterationTimeoutSeconds: 1 });
  host.workerStalls(1);
  assert.deepEqual(states(group), ['running', 'stalled']);
  assert.equal(group.record.stalls, 1);
  assert.deepEqual(host.asked, ['init', 'run'], 'where it hangs is still being found out');
  host.workerFails('stall', 1, 'stalled: a call has taken 1.1 s');
  assert.deepEqual(host.asked, ['init', 'run', 'kill 1']);
  assert.deepEqual(states(group), ['running', 'failed']);
  host.workerEnds(1, true);
  assert.equal(group.record.killed, 1);
  clock.advance(1_000);
  host.workerLoops(1);
  assert.deepEqual(states(group), ['running', 'running']);
  assert.equal(group.record.restarts.get('stall'), 1);
  assert.deepEqual(
    group.record.failures.map(({ kind, reason }) => [kind, reason]),
    [['stall', 'Worker 1 stalled: a call has taken 1.1 s']],
  );
});

test('without a restart policy a stall fails the group, and the host is asked to kill the worker', async () => {
  const { host, group } = await running({ iterationTimeoutSeconds: 1 });
  host.workerStalls(1);
  host.workerFails('stall', 1, 'stalled: a call has taken 1.1 s');
  assert.ok(host.has('kill 1'), 'it would not hear that it is to stop');
  assert.ok(host.has('stop'));
  host.finish();
  assert.deepEqual([group.state, group.reason], ['failed', 'Worker 1 stalled: a call has taken 1.1 s']);
});

test('on-failure does not start again what has completed: the others go on, then all is completed', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerCompletes(0);
  clock.advance(10_000);
  assert.deepEqual(states(group), ['completed', 'running']);
  assert.deepEqual(host.asked, ['init', 'run']);
  host.workerCompletes(1);
  host.finish();
  assert.equal(group.state, 'completed');
  assert.equal(clock.pending, 0);
});

test('a worker that waits for its next try keeps a group from being completed', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  host.workerEnds(0);
  host.workerCompletes(1);
  assert.equal(group.state, 'running');
  clock.advance(1_000);
  host.workerLoops(0);
  host.workerCompletes(0);
  host.finish();
  assert.equal(group.state, 'completed');
});

test('always starts a worker again that has completed, which uses up nothing', async () => {
  const { clock, host, group } = await running({ restart: restart({ policy: 'always', maxRestarts: 1 }) });
  for (let i = 0; i < 3; i++) {
    for (const id of [0, 1]) host.workerCompletes(id);
    assert.equal(group.state, 'running');
    assert.deepEqual(states(group), ['completed', 'completed']);
    clock.advance(1_000);
    assert.deepEqual(states(group), ['starting', 'starting']);
    for (const id of [0, 1]) host.workerLoops(id);
  }
  assert.equal(group.record.restarts.get('completed'), 6);
  assert.deepEqual(group.record.failures, []);
  host.workerThrows(0);
  assert.equal(group.state, 'running', 'the one restart after a failure is still there');
});

test('a stop while a worker waits for its next try: it does not come, and nothing is left over', async () => {
  const { coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  host.workerEnds(0);
  const stopped = coordinator.stop('a');
  assert.deepEqual(restartAts(group), [undefined, undefined]);
  clock.advance(2_000);
  assert.deepEqual(host.asked, ['init', 'run', 'stop']);
  host.workerEnds(1);
  host.finish();
  assert.equal((await stopped).success, true);
  assert.equal(group.state, 'stopped');
  assert.equal(clock.pending, 0);
});

test('a stop while a worker is on its way out after a failure counts the grace of the group', async () => {
  const { coordinator, clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  clock.advance(3_000);
  const stopped = coordinator.stop('a');
  clock.advance(4_999);
  assert.deepEqual(host.asked, ['init', 'run', 'stop']);
  clock.advance(1);
  host.exit();
  assert.deepEqual((await stopped).groups[0]?.killed, [0, 1]);
  assert.equal(group.state, 'stopped');
  assert.equal(clock.pending, 0);
});

// The whole group.

test('in the scope of the group a failure ends it, and after the wait it starts again', async () => {
  const { world, clock, hosts, host, group } = await running({ restart: GROUP_SCOPE });
  host.workerThrows(0, 'bad record');
  assert.equal(group.state, 'stopping');
  clock.advance(500);
  host.finish();
  assert.equal(group.state, 'backoff');
  assert.equal(group.reason, 'Exception in worker 0: bad record');
  assert.deepEqual(group.restartAt, new Date(1_500));
  assert.deepEqual([group.active, group.desired], [false, 'running']);
  assert.deepEqual(states(group), ['failed', 'stopped']);
  clock.advance(999);
  await settle();
  assert.equal(hosts.all.length, 1);
  clock.advance(1);
  await settle();
  assert.equal(group.state, 'starting');
  assert.equal(group.restartAt, undefined);
  await comesUp(world, 'a');
  assert.deepEqual([group.state, group.reason], ['running', null]);
  assert.deepEqual(group.workerIds, [0, 1], 'the same workers');
  assert.equal(group.record.restartsTotal, 1);
  assert.equal(group.record.restarts.get('exception'), 1);
});

test('the budget of a group goes over several lives, and its waits grow', async () => {
  const rules = restart({ policy: 'on-failure', scope: 'group', maxRestarts: 2 });
  const { world, clock, hosts, group } = await running({ restart: rules });
  for (const wait of [1_000, 2_000]) {
    hosts.of('a').workerThrows(0);
    hosts.of('a').finish();
    assert.equal(group.state, 'backoff');
    assert.equal(given(group.restartAt).getTime() - clock.now(), wait);
    clock.advance(wait);
    await comesUp(world, 'a');
    assert.equal(group.state, 'running');
  }
  hosts.of('a').workerThrows(0, 'bad record');
  hosts.of('a').finish();
  assert.equal(group.state, 'failed');
  assert.equal(
    group.reason,
    'Exception in worker 0: bad record; it is given up: 2 restarts within 30 s of running did not help',
  );
  assert.equal(group.record.failures.at(-1)?.reason, group.reason);
  assert.equal(group.desired, 'running');
  assert.equal(clock.pending, 0);
});

test('the budget of a group is whole again after a healthy window of running, waits left out', async () => {
  const rules = restart({ policy: 'on-failure', scope: 'group', maxRestarts: 1, windowSeconds: 30 });
  const { world, clock, hosts, group } = await running({ restart: rules });
  const fails = async () => {
    hosts.of('a').workerThrows(0);
    hosts.of('a').finish();
    return group.state;
  };
  for (let i = 0; i < 3; i++) {
    assert.equal(await fails(), 'backoff');
    clock.advance(1_000);
    await comesUp(world, 'a');
    run(world, 30);
  }
  assert.equal(await fails(), 'backoff');
  clock.advance(1_000);
  await settle();
  // A start that takes long is no running.
  clock.advance(29_000);
  await comesUp(world, 'a');
  run(world, 29);
  assert.equal(await fails(), 'failed');
});

test('starts that fail one after the other use up the budget, too', async () => {
  const rules = restart({ policy: 'on-failure', scope: 'group', maxRestarts: 2 });
  const { clock, hosts, group } = await running({ restart: rules });
  hosts.of('a').exit();
  for (const wait of [1_000, 2_000]) {
    assert.equal(group.state, 'backoff');
    clock.advance(wait);
    await settle();
    hosts.of('a').initFails('no data');
    hosts.of('a').finish();
  }
  assert.equal(group.state, 'failed');
  assert.match(given(group.reason), /no data; it is given up: 2 restarts/);
});

test('always starts a group again that has completed; on-failure does not', async () => {
  for (const policy of ['always', 'on-failure'] as const) {
    const { world, clock, host, group } = await running({ restart: restart({ policy, scope: 'group' }) });
    for (const id of [0, 1]) host.workerCompletes(id);
    host.finish();
    if (policy === 'on-failure') {
      assert.equal(group.state, 'completed');
      assert.equal(clock.pending, 0);
      continue;
    }
    assert.equal(group.state, 'backoff');
    assert.match(given(group.reason), /All workers have finished/);
    assert.deepEqual(group.record.failures, []);
    clock.advance(1_000);
    await comesUp(world, 'a');
    assert.equal(group.state, 'running');
    assert.equal(group.record.restarts.get('completed'), 1);
  }
});

test('a host that dies under the scope of the worker restarts the whole group', async () => {
  const { world, clock, host, group } = await running({ restart: ON_FAILURE });
  host.exit({ code: null, signal: 'SIGSEGV' });
  assert.equal(group.state, 'backoff');
  assert.equal(group.reason, 'The host of group "a" died: it was ended by SIGSEGV');
  assert.deepEqual(states(group), ['failed', 'failed']);
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.equal(group.state, 'running');
  assert.equal(group.record.restarts.get('host'), 1);
  assert.deepEqual(
    group.record.failures.map(({ kind, workerId }) => [kind, workerId]),
    [['host', undefined]],
  );
});

test('without a policy nothing is tried again', async () => {
  const { clock, host, group } = await running();
  host.exit();
  assert.equal(group.state, 'failed');
  assert.equal(group.restartAt, undefined);
  assert.equal(clock.pending, 0);
});

// Commands while a group waits for its next try.

async function waiting(rules = GROUP_SCOPE, options = {}) {
  const up = await running({ restart: rules }, options);
  up.host.workerThrows(0, 'bad record');
  up.host.finish();
  assert.equal(up.group.state, 'backoff');
  return up;
}

test('a stop during the wait is done at once, with success', async () => {
  const { coordinator, clock, hosts, group } = await waiting();
  const report = await coordinator.stop('a');
  assert.deepEqual(report, {
    success: true,
    seconds: 0,
    groups: [{ name: 'a', success: true, killed: [], seconds: 0, reason: null }],
  });
  assert.deepEqual([group.state, group.desired, group.restartAt], ['stopped', 'stopped', undefined]);
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  await settle();
  assert.equal(hosts.all.length, 1);
});

test('stop all during the wait is the same', async () => {
  const { coordinator, clock, group } = await waiting();
  assert.equal((await coordinator.stopAll({})).success, true);
  assert.equal(group.state, 'stopped');
  assert.equal(clock.pending, 0);
});

test('a stop in the moment at which the wait is over still wins', async () => {
  const { coordinator, clock, hosts, group } = await waiting();
  clock.advance(1_000);
  assert.equal((await coordinator.stop('a')).success, true);
  await settle();
  assert.equal(group.state, 'stopped');
  assert.equal(hosts.all.length, 1);
});

test('DELETE during the wait forgets the group at once', async () => {
  const { coordinator, clock, hosts } = await waiting();
  assert.equal((await coordinator.remove('a')).success, true);
  assert.deepEqual(coordinator.list(), []);
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  await settle();
  assert.equal(hosts.all.length, 1);
});

test('a start during the wait starts at once, with a whole budget', async () => {
  const rules = restart({ policy: 'on-failure', scope: 'group', maxRestarts: 1 });
  const { world, clock, hosts, group } = await waiting(rules);
  await bringUp(world, 'a');
  assert.equal(group.state, 'running');
  assert.equal(clock.now(), 0);
  assert.equal(group.record.restartsTotal, 0, 'the user has started it, not the policy');
  clock.advance(5_000);
  await settle();
  assert.equal(hosts.all.length, 2, 'the old wait is off');
  hosts.of('a').workerThrows(0);
  hosts.of('a').finish();
  assert.equal(group.state, 'backoff');
  assert.equal(given(group.restartAt).getTime() - clock.now(), 1_000);
});

test('a start in the moment at which the wait is over: one host, and the start succeeds', async () => {
  const { world, coordinator, clock, hosts, group } = await waiting();
  clock.advance(1_000);
  const started = coordinator.start('a');
  await comesUp(world, 'a');
  await started;
  assert.equal(group.state, 'running');
  assert.equal(hosts.all.length, 2);
});

test('a restart during the wait starts at once', async () => {
  const { world, coordinator, group } = await waiting();
  const restarted = coordinator.restart('a');
  await comesUp(world, 'a');
  await restarted;
  assert.equal(group.state, 'running');
});

test('PUT during the wait restarts at once with the new spec', async () => {
  const { world, coordinator, clock, hosts, group } = await waiting();
  const replaced = coordinator.replace(spec('a', { params: { mended: true } }));
  const host = await comesUp(world, 'a');
  await replaced;
  assert.deepEqual(host.launch?.group.params, { mended: true });
  assert.equal(group.state, 'running');
  clock.advance(10_000);
  await settle();
  assert.equal(hosts.all.length, 2);
});

test('the same spec by PUT during the wait changes nothing', async () => {
  const { coordinator, group } = await waiting();
  await coordinator.replace(spec('a', { restart: GROUP_SCOPE }));
  assert.equal(group.state, 'backoff');
});

test('PATCH of the workers during the wait counts at the next try', async () => {
  const { world, coordinator, clock, hosts, group } = await waiting();
  await coordinator.patch('a', { workers: 3 });
  assert.equal(group.state, 'backoff');
  assert.equal(hosts.all.length, 1);
  assert.deepEqual(group.restartAt, new Date(1_000));
  assert.deepEqual(group.workerIds, [0, 1, 2]);
  clock.advance(1_000);
  const host = await comesUp(world, 'a');
  assert.deepEqual(host.launch?.group.workerIds, [0, 1, 2]);
  assert.equal(group.state, 'running');
  assert.deepEqual(states(group), ['running', 'running', 'running']);
});

test('a group that waits keeps its room: neither others nor its own PATCH can take it', async () => {
  const { coordinator, group } = await waiting(GROUP_SCOPE, { maxWorkers: 3 });
  await coordinator.register(spec('b'));
  await assert.rejects(coordinator.start('b'), code('worker_cap_reached'));
  await coordinator.patch('a', { workers: 3 });
  await assert.rejects(coordinator.patch('a', { workers: 4 }), code('invalid_request'));
  assert.equal(group.spec.workers, 3);
});

test('when the service closes during the wait, that is the end of it', async () => {
  const { coordinator, clock, hosts, group } = await waiting();
  const report = await coordinator.close();
  assert.equal(report.success, true);
  assert.deepEqual([group.state, group.desired], ['stopped', 'running']);
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  await settle();
  assert.equal(hosts.all.length, 1);
});

test('a stop between the failure and the death of the host: the group has failed and stays down', async () => {
  const { coordinator, clock, hosts, host, group } = await running({ restart: GROUP_SCOPE });
  host.workerThrows(0, 'bad record');
  const stopped = coordinator.stop('a');
  host.finish();
  await stopped;
  assert.equal(group.state, 'failed');
  assert.equal(group.reason, 'Exception in worker 0: bad record');
  assert.deepEqual([group.desired, group.restartAt], ['stopped', undefined]);
  assert.equal(clock.pending, 0);
  clock.advance(100_000);
  await settle();
  assert.equal(hosts.all.length, 1);
});

test('a stop while the policy starts the group beats that start', async () => {
  const { coordinator, clock, hosts, group } = await waiting();
  clock.advance(1_000);
  await settle();
  assert.equal(group.state, 'starting');
  const stopped = coordinator.stop('a');
  hosts.of('a').finish();
  assert.equal((await stopped).success, true);
  assert.equal(group.state, 'stopped');
  assert.equal(clock.pending, 0);
});

// Starts that fail.

test('a start alone that fails in init is tried again under on-failure, and says when', async () => {
  const world = fakeCoordinator();
  const { coordinator, clock, hosts } = world;
  await coordinator.register(spec('a', { restart: ON_FAILURE }));
  const started = coordinator.start('a');
  await settle();
  hosts.of('a').initFails('no data');
  hosts.of('a').finish();
  await assert.rejects(started, (error) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.code, 'init_failed');
    assert.match(error.message, /no data/);
    assert.match(error.message, /tries again at 1970-01-01T00:00:01\.000Z/);
    return true;
  });
  assert.equal(coordinator.get('a').state, 'backoff');
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.equal(coordinator.get('a').state, 'running');
  assert.equal(coordinator.get('a').record.restarts.get('start'), 1);
});

test('a setup that fails during the start is the group’s failure: tried again as a whole', async () => {
  const world = fakeCoordinator();
  const { coordinator, clock, hosts } = world;
  await coordinator.register(spec('a', { restart: ON_FAILURE }));
  const started = coordinator.start('a');
  await settle();
  hosts.of('a').initialised();
  await settle();
  hosts.of('a').workerLoops(0);
  hosts.of('a').workerFails('setup', 1, 'no data');
  hosts.of('a').finish();
  await assert.rejects(started, code('setup_failed'));
  assert.equal(coordinator.get('a').state, 'backoff');
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.equal(coordinator.get('a').state, 'running');
});

test('without a policy a start that fails promises nothing', async () => {
  const { coordinator, hosts, clock } = fakeCoordinator();
  await coordinator.register(spec('a'));
  const started = coordinator.start('a');
  await settle();
  hosts.of('a').initFails('no data');
  hosts.of('a').finish();
  await assert.rejects(started, (error) => error instanceof Error && !/tries again/.test(error.message));
  assert.equal(coordinator.get('a').state, 'failed');
  assert.equal(clock.pending, 0);
});

test('in a start of several a module or init that fails rolls back all, and nothing is tried again', async () => {
  for (const phase of ['module', 'init'] as const) {
    const { coordinator, hosts, clock } = fakeCoordinator();
    for (const name of ['a', 'b', 'c']) await coordinator.register(spec(name, { restart: ON_FAILURE }));
    const started = coordinator.startAll({});
    await settle();
    hosts.of('a').initialised();
    await settle();
    hosts.of('b').say({ type: 'failed', phase, error: { name: 'Error', message: 'no data', stack: '' } });
    await settle();
    hosts.of('a').finish();
    hosts.of('b').finish();
    hosts.of('c').exit();
    const codes = (await started).map(({ problem }) => problem?.code);
    assert.deepEqual(codes, ['start_rolled_back', `${phase}_failed`, 'start_rolled_back']);
    assert.deepEqual(
      coordinator.list().map(({ state }) => state),
      ['stopped', 'failed', 'stopped'],
    );
    assert.equal(clock.pending, 0);
  }
});

test('in a start of several a group that fails once its workers start is tried again', async () => {
  const world = fakeCoordinator();
  const { coordinator, hosts, clock } = world;
  for (const name of ['a', 'b']) await coordinator.register(spec(name, { restart: ON_FAILURE }));
  const started = coordinator.startAll({});
  for (const name of ['a', 'b']) {
    await settle();
    hosts.of(name).initialised();
  }
  await settle();
  hosts.of('a').running();
  hosts.of('b').workerFails('setup', 2);
  hosts.of('b').finish();
  const codes = (await started).map(({ problem }) => problem?.code);
  assert.deepEqual(codes, [undefined, 'setup_failed']);
  assert.equal(coordinator.get('b').state, 'backoff');
  clock.advance(1_000);
  await comesUp(world, 'b');
  assert.equal(coordinator.get('b').state, 'running');
});

// Hosts.

test('a host that is silent for 30 s is killed, and the reason says so', async () => {
  const { clock, host, group } = await running();
  clock.advance(19_999);
  assert.deepEqual(host.asked, ['init', 'run']);
  clock.advance(1);
  assert.deepEqual(host.asked, ['init', 'run', 'report 0'], 'it is asked first');
  clock.advance(9_999);
  assert.equal(group.state, 'running');
  clock.advance(1);
  assert.equal(host.asked.at(-1), 'kill');
  host.exit();
  assert.equal(group.state, 'failed');
  assert.match(given(group.reason), /^The host of group "a" did not report for 30 s/);
  assert.equal(group.record.failures.at(-1)?.kind, 'host');
  assert.equal(clock.pending, 0);
});

test('a host that answers the question at 20 s lives on', async () => {
  const { clock, host, group } = await running();
  for (let i = 0; i < 5; i++) {
    clock.advance(29_999);
    host.reports();
  }
  assert.equal(group.state, 'running');
  assert.equal(host.has('kill'), false);
});

test('a silent host is started again under a policy', async () => {
  const { world, clock, host, group } = await running({ restart: ON_FAILURE });
  clock.advance(30_000);
  host.exit();
  assert.equal(group.state, 'backoff');
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.equal(group.state, 'running');
});

test('a host above its limit of memory is killed; one at the limit is not', async () => {
  const { host, group } = await running({ limits: { heapMb: null, rssMb: 100 } });
  host.reports(100 * MIB);
  assert.equal(group.state, 'running');
  host.reports(100 * MIB + 1);
  assert.equal(group.state, 'stopping');
  assert.equal(host.asked.at(-1), 'kill');
  host.exit();
  assert.equal(group.state, 'failed');
  assert.match(given(group.reason), /uses 101 MiB of memory, more than its limit of 100 MiB/);
  assert.deepEqual(
    group.record.failures.map(({ kind, workerId }) => [kind, workerId]),
    [['memory', undefined]],
  );
});

// What a host says at the wrong moment, or of workers that it does not have.

const FORGED = ['looping', 'stalled', 'completed', 'stuck', 'ended'] as const;
type Forged = (typeof FORGED)[number] | 'failed';

function forge(host: Awaited<ReturnType<typeof running>>['host'], type: Forged, workerId: number): void {
  if (type === 'ended') for (const killed of [true, false]) host.say({ type, workerId, killed });
  else if (type === 'failed') host.workerThrows(workerId, 'forged');
  else host.say({ type, workerId });
}

test('what is said of unknown workers changes nothing', async () => {
  const { host, group } = await running({ restart: ON_FAILURE });
  const before = picture(group, host.asked);
  for (const type of [...FORGED, 'failed'] as const) forge(host, type, 4711);
  assert.deepEqual(picture(group, host.asked), before);
});

test('a worker that runs does not begin its loop again, and has not ended unless it was asked to', async () => {
  const { host, group } = await running({ restart: ON_FAILURE });
  const before = picture(group, host.asked);
  for (const type of ['looping', 'ended'] as const) forge(host, type, 0);
  assert.deepEqual(picture(group, host.asked), before);
});

test('nothing can be said of a worker that waits for its next try, and the try comes at its time', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  host.workerEnds(0);
  clock.advance(500);
  const before = picture(group, host.asked);
  for (const type of [...FORGED, 'failed'] as const) forge(host, type, 0);
  assert.deepEqual(picture(group, host.asked), before);
  clock.advance(499);
  assert.equal(host.has('start 0 at 0'), false);
  clock.advance(1);
  assert.deepEqual(
    host.asked.filter((what) => what === 'start 0 at 0'),
    ['start 0 at 0'],
  );
});

test('nothing can be said of a worker that has completed', async () => {
  const { host, group } = await running({ restart: ON_FAILURE });
  host.workerCompletes(0);
  const before = picture(group, host.asked);
  for (const type of [...FORGED, 'failed'] as const) forge(host, type, 0);
  assert.deepEqual(picture(group, host.asked), before);
});

test('a worker that has failed does not loop, stall or complete before it has ended', async () => {
  const { host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  const before = picture(group, host.asked);
  for (const type of ['looping', 'stalled', 'completed'] as const) forge(host, type, 0);
  assert.deepEqual(picture(group, host.asked), before);
});

test('before the workers are started nothing can be said of them', async () => {
  const { coordinator, hosts } = fakeCoordinator();
  for (const name of ['a', 'b']) await coordinator.register(spec(name, { restart: ON_FAILURE }));
  const started = coordinator.startAll({});
  await settle();
  const group = coordinator.get('a');
  const host = hosts.of('a');
  const tries = () => {
    const before = picture(group, host.asked);
    for (const type of [...FORGED, 'failed'] as const) forge(host, type, 0);
    assert.deepEqual(picture(group, host.asked), before);
  };
  tries();
  host.initialised();
  await settle();
  // It waits for the init of the other.
  tries();
  hosts.of('b').initialised();
  await settle();
  for (const name of ['a', 'b']) hosts.of(name).running();
  await started;
  assert.equal(group.state, 'running');
});

test('a worker that is starting does not stall, complete or end', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  host.workerEnds(0);
  clock.advance(1_000);
  const before = picture(group, host.asked);
  for (const type of ['stalled', 'completed', 'ended'] as const) forge(host, type, 0);
  assert.deepEqual(picture(group, host.asked), before);
  host.workerLoops(0);
  assert.deepEqual(states(group), ['running', 'running']);
});

test('a second word of a stall is none, and its report is not counted twice', async () => {
  const { host, group } = await running({ restart: ON_FAILURE });
  host.workerStalls(0);
  host.workerStalls(0);
  assert.equal(group.record.stalls, 1);
});

test('a stall while the group ends is counted once, like any other', async () => {
  const { coordinator, host, group } = await running({});
  const stopped = coordinator.stop('a');
  host.workerStalls(1);
  host.workerStalls(1);
  assert.equal(group.record.stalls, 1);
  assert.deepEqual(states(group), ['stopping', 'stalled']);
  host.workerFails('stall', 1, 'stalled: a call has taken 1.1 s');
  assert.equal(host.asked.at(-1), 'kill 1');
  host.workerEnds(0);
  host.workerEnds(1, true);
  host.say({ type: 'finished' });
  host.exit();
  assert.equal((await stopped).success, false);
  assert.deepEqual([group.state, states(group)], ['stopped', ['stopped', 'failed']]);
});

for (const first of ['the stall', 'the stop']) {
  test(`a host that is killed while a worker hangs leaves nobody stalled (${first} came first)`, async () => {
    const { coordinator, host, group, clock } = await running({ stopGraceSeconds: 5 });
    if (first === 'the stall') host.workerStalls(1);
    const stopped = coordinator.stop('a');
    if (first === 'the stop') host.workerStalls(1);
    assert.deepEqual(states(group), ['stopping', 'stalled']);
    clock.advance(5_000);
    host.exit({ code: null, signal: 'SIGKILL' });
    assert.equal((await stopped).success, false);
    assert.deepEqual([group.state, states(group)], ['stopped', ['stopped', 'stopped']]);
  });
}

test('a host that dies while a worker hangs leaves nobody stalled', async () => {
  const { host, group } = await running({});
  host.workerStalls(1);
  host.exit({ code: null, signal: 'SIGSEGV' });
  assert.equal(group.state, 'failed');
  assert.equal(states(group).includes('stalled'), false);
});

// Groups that the service cannot do without.

async function critical(changes: Parameters<typeof running>[0] = {}) {
  const up = await running({ critical: true, ...changes });
  const told: { group: string; reason: string }[] = [];
  up.coordinator.events.on('criticalFailure', (event) => told.push(event));
  return { ...up, told };
}

test('a critical group that fails without a policy is told of, when it is dead', async () => {
  const { host, told } = await critical();
  host.workerThrows(0, 'bad record');
  assert.deepEqual(told, []);
  host.finish();
  assert.deepEqual(told, [{ group: 'a', reason: 'Exception in worker 0: bad record' }]);
});

test('a critical group that will be tried again has not failed for good', async () => {
  const rules = restart({ policy: 'on-failure', scope: 'group', maxRestarts: 1 });
  const { world, clock, hosts, told } = await critical({ restart: rules });
  hosts.of('a').exit();
  clock.advance(1_000);
  await comesUp(world, 'a');
  assert.equal(told.length, 0);
  hosts.of('a').exit();
  assert.equal(told.length, 1);
  assert.match(told[0]?.reason ?? '', /it is given up/);
});

test('a failure of a worker that starts again alone is no critical failure; a spent budget is', async () => {
  const { clock, host, told } = await critical({
    restart: restart({ policy: 'on-failure', maxRestarts: 1 }),
  });
  host.workerThrows(0);
  host.workerEnds(0);
  clock.advance(1_000);
  host.workerLoops(0);
  assert.deepEqual(told, []);
  host.workerThrows(0);
  host.finish();
  assert.equal(told.length, 1);
});

test('a critical group that completes or is stopped has not failed', async () => {
  for (const how of ['completes', 'stops'] as const) {
    const { coordinator, host, told } = await critical();
    if (how === 'completes') for (const id of [0, 1]) host.workerCompletes(id);
    else void coordinator.stop('a');
    host.finish();
    await settle();
    assert.deepEqual(told, [], how);
  }
});

test('while the service closes no failure is critical any more', async () => {
  const { coordinator, host, told, group } = await critical();
  host.workerThrows(0);
  const closed = coordinator.close();
  host.exit();
  await closed;
  assert.equal(group.state, 'failed');
  assert.deepEqual(told, []);
});

test('a group that is not critical may fail', async () => {
  const { host, told } = await critical({ critical: false });
  host.exit();
  assert.deepEqual(told, []);
});

test('a critical group that is made so while it runs counts as such', async () => {
  const { coordinator, host, told } = await critical({ critical: false });
  await coordinator.patch('a', { critical: true });
  host.exit();
  assert.equal(told.length, 1);
});

test('a critical group that dies while the user restarts it has not failed for good', async () => {
  const { world, coordinator, host, told } = await critical();
  const restarted = coordinator.restart('a');
  host.exit();
  await comesUp(world, 'a');
  await restarted;
  assert.deepEqual(told, []);
});

test('a critical group that the user has stopped has not failed for good, however its host ends', async () => {
  const { coordinator, host, told } = await critical();
  const stopped = coordinator.stop('a');
  host.exit();
  await stopped;
  assert.deepEqual(told, []);
});

test('the reason for the end of a group with a thread that cannot be ended is a sentence', async () => {
  const { clock, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(0);
  clock.advance(5_000);
  host.workerSticks(0);
  host.exit();
  assert.doesNotMatch(given(group.reason), /is;/);
});

test('the setup of a restarted worker is no running, however long it takes', async () => {
  const rules = restart({ policy: 'on-failure', maxRestarts: 1, windowSeconds: 10 });
  const { world, clock, host, group } = await running({ restart: rules });
  host.workerThrows(0);
  host.workerEnds(0);
  clock.advance(1_000);
  run(world, 15);
  host.workerFails('setup', 0, 'no data');
  assert.equal(group.state, 'stopping', 'the restart is still in the window');
  host.finish();
  assert.match(group.reason ?? '', /no data; it is given up/);
});

test('a worker whose teardown hangs after its last call is killed when the grace is over, and has failed', async () => {
  const { clock, host, group } = await running({ workers: 1 });
  host.say({ type: 'finishing', workerId: 0 });
  assert.deepEqual(
    group.workers().map(({ state }) => state),
    ['stopping'],
  );
  clock.advance(5_000);
  assert.ok(host.has('kill 0'));
  assert.match(given(group.reason), /Worker 0 did not end within the grace of 5 s after its last call/);
  host.workerEnds(0, true);
  host.finish();
  assert.equal(group.state, 'failed');
});

test('a worker that tears down in time completes', async () => {
  const { clock, host, group } = await running({ workers: 1 });
  host.say({ type: 'finishing', workerId: 0 });
  clock.advance(4_000);
  host.workerCompletes(0);
  host.finish();
  assert.deepEqual([group.state, clock.pending], ['completed', 0]);
});

test('while workers wait the reason says so, and a start ends their wait with a whole budget', async () => {
  const { coordinator, host, group } = await running({ restart: ON_FAILURE });
  host.workerThrows(1);
  host.workerEnds(1);
  assert.equal(group.reason, '1 of 2 workers wait for their next start');
  await coordinator.start('a');
  assert.ok(host.has('start 1 at 1'));
  host.workerLoops(1);
  assert.deepEqual([group.state, group.reason], ['running', null]);
});

test('words of somebody else about memory make no memory failure of a death', async () => {
  for (const [signal, lastWords, kind] of [
    ['SIGKILL', 'RuntimeError: CUDA out of memory', 'host'],
    ['SIGABRT', 'RuntimeError: CUDA out of memory', 'host'],
    [
      'SIGABRT',
      'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory',
      'memory',
    ],
  ] as const) {
    const { host, group } = await running({ limits: { heapMb: 64, rssMb: null } });
    host.exit({ code: null, signal, lastWords });
    assert.equal(group.record.failures.at(-1)?.kind, kind, lastWords);
  }
});
