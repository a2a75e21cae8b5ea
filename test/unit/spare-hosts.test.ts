import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import test from 'node:test';
import { SpareHosts } from '#dist/host/spare-hosts.js';
import type { HostStarter, StartedHost } from '#dist/host/start-host.js';
import { spec } from '../support/coordinator.js';
import { FakeClock } from '../support/fake-clock.js';

/** Spare hosts over processes that are none: `children` are those that were started. */
function spareHosts(count = 1, fingerprint: HostStarter['fingerprint'] = () => '') {
  const clock = new FakeClock();
  const children: EventEmitter[] = [];
  const removed: string[] = [];
  const failing = { with: undefined as Error | undefined };
  const starting = { now: false };
  const reasons: string[] = [];
  const start = (): StartedHost => {
    if (failing.with !== undefined) throw failing.with;
    // Without a process id nobody is killed.
    const child = new EventEmitter();
    children.push(child);
    const directory = `/hosts/${children.length}`;
    return { child: child as ChildProcess, directory, fingerprint: fingerprint(spec('usual'), directory) };
  };
  const killed: StartedHost[] = [];
  const starter = { start, fingerprint, kill: (host: StartedHost) => void killed.push(host) };
  const spares = new SpareHosts({
    count,
    clock,
    starter,
    removeDirectory: (path) => removed.push(path),
    busy: () => starting.now,
    onFailure: (reason) => reasons.push(reason),
  });
  return { clock, children, removed, failing, starting, reasons, killed, spares };
}

test('a host that is taken is another one each time, and the next is started after a while', () => {
  const { clock, children, spares } = spareHosts();
  assert.equal(spares.take(spec('a')), undefined, 'nothing is there before it is open');
  spares.open();
  assert.equal(children.length, 0);
  clock.advance(500);
  const first = spares.take(spec('a'));
  assert.equal(first?.child, children[0]);
  assert.equal(spares.take(spec('b')), undefined);
  clock.advance(499);
  assert.equal(children.length, 1);
  clock.advance(1);
  assert.equal(spares.take(spec('b'))?.child, children[1]);
});

test('while a group is being started no host is, up to a while', () => {
  const { clock, children, starting, spares } = spareHosts();
  starting.now = true;
  spares.open();
  clock.advance(5_000);
  assert.equal(children.length, 0);
  clock.advance(500);
  assert.equal(children.length, 1, 'one that takes long is not waited for');
  spares.take(spec('a'));
  clock.advance(2_000);
  starting.now = false;
  assert.equal(children.length, 1);
  clock.advance(500);
  assert.equal(children.length, 2);
});

test('what becomes of a host that was taken is no business of the spare ones', () => {
  const { clock, children, removed, spares } = spareHosts();
  spares.open();
  clock.advance(500);
  spares.take(spec('a'));
  children[0]?.emit('exit', 0, null);
  assert.deepEqual(removed, []);
  assert.equal(children[0]?.listenerCount('exit'), 0);
});

test('as many as were asked for are kept, and no more', () => {
  const { clock, children, spares } = spareHosts(3);
  spares.open();
  clock.advance(60_000);
  assert.equal(children.length, 3);
  spares.take(spec('a'));
  spares.take(spec('b'));
  clock.advance(60_000);
  assert.equal(children.length, 5);
});

test('none are kept when none are asked for', () => {
  const { clock, children, spares } = spareHosts(0);
  spares.open();
  clock.advance(60_000);
  assert.equal(spares.take(spec('a')), undefined);
  assert.equal(children.length, 0);
});

for (const event of ['exit', 'error']) {
  test(`one that dies in waiting (${event}) is not handed out, its directory goes, another follows later`, () => {
    const { clock, children, removed, reasons, spares } = spareHosts();
    spares.open();
    clock.advance(500);
    if (event === 'exit') children[0]?.emit('exit', null, 'SIGKILL');
    else children[0]?.emit('error', new Error('ENOMEM'));
    assert.equal(spares.take(spec('a')), undefined);
    assert.deepEqual(reasons, [event === 'exit' ? 'it ended before a group had it (SIGKILL)' : 'ENOMEM']);
    assert.deepEqual(removed, ['/hosts/1']);
    clock.advance(9_999);
    assert.equal(children.length, 1);
    clock.advance(1);
    assert.equal(spares.take(spec('a'))?.child, children[1]);
  });
}

test('when none can be started it is tried again later, and told once', () => {
  const { clock, children, failing, reasons, spares } = spareHosts();
  failing.with = new Error('EMFILE');
  spares.open();
  clock.advance(60_000);
  assert.equal(spares.take(spec('a')), undefined);
  assert.deepEqual(reasons, ['EMFILE']);
  failing.with = undefined;
  clock.advance(10_000);
  assert.equal(spares.take(spec('a'))?.child, children[0]);
  failing.with = new Error('EAGAIN');
  clock.advance(60_000);
  assert.deepEqual(reasons, ['EMFILE', 'EAGAIN'], 'in between all was well');
});

test('a death does not put off a host that is due, and is no reason for more than one try', () => {
  const { clock, children, spares } = spareHosts(2);
  spares.open();
  clock.advance(1_000);
  assert.equal(children.length, 2);
  spares.take(spec('a'));
  children[1]?.emit('exit', null, 'SIGKILL');
  clock.advance(500);
  assert.equal(children.length, 3);
});

test('where the workers directory is a link that leads elsewhere by now, another host takes the place', () => {
  let workersDir = '/one';
  const { clock, children, killed, spares } = spareHosts(1, () => workersDir);
  spares.open();
  clock.advance(500);
  workersDir = '/two';
  assert.equal(spares.take(spec('a')), undefined);
  assert.deepEqual(
    killed.map(({ child }) => child),
    [children[0]],
  );
  workersDir = '/one';
  assert.equal(spares.take(spec('a')), undefined, 'it is on its way out');
  workersDir = '/two';
  children[0]?.emit('exit', null, 'SIGKILL');
  clock.advance(500);
  assert.equal(spares.take(spec('a'))?.fingerprint, '/two');
});

test('a host whose fence is another than the group asks for is not taken', () => {
  const fingerprint: HostStarter['fingerprint'] = ({ permissions }, directory) =>
    `${directory} ${permissions.childProcess}`;
  const { clock, spares } = spareHosts(1, fingerprint);
  spares.open();
  clock.advance(500);
  const none = spec('a').permissions;
  assert.equal(spares.take(spec('a', { permissions: { ...none, childProcess: true } })), undefined);
  assert.equal(spares.take(spec('a'))?.fingerprint, '/hosts/1 false');
});

test('at the end all that wait end, and no other follows', async () => {
  const { clock, children, removed, reasons, killed, spares } = spareHosts(2);
  spares.open();
  clock.advance(1_000);
  let closed = false;
  const closing = spares.close().then(() => {
    closed = true;
  });
  assert.equal(killed.length, 2);
  children[0]?.emit('exit', null, 'SIGKILL');
  await Promise.resolve();
  assert.equal(closed, false, 'one is still there');
  children[1]?.emit('exit', null, 'SIGKILL');
  await closing;
  assert.deepEqual(removed, ['/hosts/1', '/hosts/2']);
  assert.deepEqual(reasons, []);
  clock.advance(60_000);
  assert.equal(children.length, 2);
});
