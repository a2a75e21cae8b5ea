import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Group } from '#dist/coordinator/group.js';
import { Reloader } from '#dist/groups-file/reloader.js';
import type { GroupSpec } from '#dist/schemas/group-spec.js';
import type { ReloadReport } from '#dist/schemas/reload-report.js';
import { bringUp, code, fakeCoordinator, obeyed, spec, type World } from '../support/coordinator.js';
import { settle } from '../support/fake-clock.js';
import { temporaryDirectory } from '../support/temporary.js';

/** The file is what a test says; hosts do at once what is asked of them. */
function bench(t: TestContext, options: Parameters<typeof fakeCoordinator>[0] = {}) {
  const world = fakeCoordinator(options);
  const file = join(temporaryDirectory(t), 'groups.json');
  const write = (groups: readonly GroupSpec[]) => writeFileSync(file, JSON.stringify({ groups }));
  write([]);
  const reloader = new Reloader({ file, coordinator: world.coordinator });
  return { ...world, world, write, reloader };
}

/** Each group with its action, and with what went wrong. */
const actions = ({ groups }: ReloadReport) =>
  groups.map(({ name, action, success }) => `${name} ${success ? '' : 'not '}${action}`);

const startsWithService = (group: Group) => group.startsWithService;

const state = ({ coordinator }: Pick<World, 'coordinator'>) =>
  coordinator.list().map(({ name, state, origin, desired }) => [name, state, origin, desired].join(' '));

test('at the start of the service groups are registered, and those with autostart start with it', async (t) => {
  const { world, reloader, write, coordinator } = bench(t);
  write([spec('a', { autostart: true, after: ['b'] }), spec('b', { autostart: true }), spec('c')]);
  assert.deepEqual(actions((await reloader.load()) as ReloadReport), ['a created', 'b created', 'c created']);
  assert.deepEqual(state(world), [
    'a registered file stopped',
    'b registered file stopped',
    'c registered file stopped',
  ]);
  await obeyed(world, coordinator.resume(startsWithService));
  assert.deepEqual(state(world), [
    'a running file running',
    'b running file running',
    'c registered file stopped',
  ]);
});

test('what was kept of the file is brought in line before anything starts', async (t) => {
  const { world, reloader, write, coordinator, hosts } = bench(t);
  const kept = { workerIds: [0, 1], desired: 'running', completed: false } as const;
  coordinator.restore({
    registrations: [
      { ...kept, spec: spec('a'), order: 0, origin: 'file' },
      { ...kept, spec: spec('gone'), order: 1, origin: 'file', workerIds: [2, 3] },
      { ...kept, spec: spec('rest'), order: 2, origin: 'rest', workerIds: [4, 5] },
      {
        ...kept,
        spec: spec('done', { autostart: true }),
        order: 3,
        origin: 'file',
        workerIds: [6, 7],
        completed: true,
      },
    ],
    nextWorkerId: 8,
  });
  write([spec('a', { nice: 4 }), spec('rest', { nice: 4 }), spec('done', { autostart: true })]);
  const report = (await reloader.load()) as ReloadReport;
  assert.deepEqual(actions(report), ['a changed', 'rest not conflict', 'done unchanged', 'gone removed']);
  assert.equal(report.success, false);
  assert.equal(hosts.all.length, 0);
  await obeyed(world, coordinator.resume(startsWithService));
  assert.deepEqual(state(world), [
    'a running file running',
    'rest running rest running',
    'done completed file running',
  ]);
  assert.deepEqual([hosts.of('a').launch?.nice, hosts.of('rest').launch?.nice], [4, 0]);
  assert.deepEqual(coordinator.get('a').workerIds, [0, 1], 'ids stay');
});

test('who was stopped by a user stays so, who was started as well', async (t) => {
  const { world, reloader, write, coordinator } = bench(t);
  write([spec('a', { autostart: true }), spec('b')]);
  await obeyed(world, reloader.reload());
  await obeyed(world, coordinator.stop('a'));
  await bringUp(world, 'b');
  write([spec('a', { autostart: true, nice: 1 }), spec('b', { nice: 1 })]);
  const report = await obeyed(world, reloader.reload());
  assert.deepEqual(actions(report), ['a changed', 'b restarted']);
  assert.deepEqual(state(world), ['a stopped file stopped', 'b running file running']);
});

test('from one order to its reverse, though between the two there is a cycle', async (t) => {
  const { world, reloader, write, coordinator } = bench(t);
  write([
    spec('a', { autostart: true }),
    spec('b', { after: ['a'], autostart: true }),
    spec('c', { after: ['b'] }),
  ]);
  await obeyed(world, reloader.reload());
  write([
    spec('a', { after: ['b'], autostart: true }),
    spec('b', { after: ['c'], nice: 2, autostart: true }),
    spec('c'),
  ]);
  const report = await obeyed(world, reloader.reload());
  assert.deepEqual(actions(report), ['a changed', 'b not restarted', 'c changed']);
  assert.match(report.groups[1]?.reason ?? '', /starts after "c", whose state is "registered"/);
  await bringUp(world, 'c');
  assert.deepEqual(actions(await obeyed(world, reloader.reload())), [
    'a unchanged',
    'b restarted',
    'c unchanged',
  ]);
  assert.deepEqual(coordinator.get('b').spec.after, ['c']);
});

test('a restarted group and a new one come up in the order of `after`', async (t) => {
  const { world, reloader, write, hosts } = bench(t);
  write([spec('a', { autostart: true })]);
  await obeyed(world, reloader.reload());
  write([spec('a', { nice: 1, after: ['new'] }), spec('new', { autostart: true })]);
  assert.deepEqual(actions(await obeyed(world, reloader.reload())), ['a restarted', 'new created']);
  assert.deepEqual(
    hosts.all.map(({ group }) => group),
    ['a', 'new', 'a'],
  );
});

test('who shrinks or goes makes room for who grows', async (t) => {
  const { world, reloader, write } = bench(t, { maxWorkers: 6 });
  write(['a', 'b', 'c'].map((name) => spec(name, { autostart: true })));
  await obeyed(world, reloader.reload());
  const small = { workers: 1 };
  write([spec('a', { workers: 4 }), spec('b', small), spec('c', { ...small, nice: 1 })]);
  let report = await obeyed(world, reloader.reload());
  assert.deepEqual(actions(report), ['a changed', 'b changed', 'c restarted']);
  write([spec('d', { ...small, autostart: true }), spec('a', { workers: 4 }), spec('b', small)]);
  report = await obeyed(world, reloader.reload());
  assert.deepEqual(actions(report), ['d created', 'a unchanged', 'b unchanged', 'c removed']);
});

test('what fails with one group stops no other, and is told', async (t) => {
  const { world, reloader, write, hosts, coordinator } = bench(t, { maxWorkers: 4 });
  write([spec('a', { autostart: true })]);
  await obeyed(world, reloader.reload());
  write([
    spec('a', { workers: 5 }),
    spec('b', { autostart: true, workers: 3 }),
    spec('c', { autostart: true, workers: 1 }),
  ]);
  const reloaded = reloader.reload();
  const report = await obeyed(world, reloaded);
  assert.deepEqual(actions(report), ['a not changed', 'b not created', 'c created']);
  assert.match(report.groups[1]?.reason ?? '', /exceed the cap/);
  assert.equal(report.success, false);
  assert.equal(hosts.alive().length, 2);
  assert.equal(coordinator.get('a').spec.workers, 2);
});

test('a dry run says the same as the reload after it, and changes nothing', async (t) => {
  const { world, reloader, write, coordinator } = bench(t);
  await coordinator.register(spec('rest'));
  write([spec('a', { autostart: true }), spec('b')]);
  await obeyed(world, reloader.reload());
  write([spec('a', { nice: 1 }), spec('c', { autostart: true }), spec('rest')]);
  const before = state(world);
  const { dryRun, groups: planned, ...plan } = await reloader.reload(true);
  assert.deepEqual([dryRun, state(world)], [true, before]);
  const { dryRun: no, groups, ...done } = await obeyed(world, reloader.reload());
  assert.deepEqual([no, groups, done], [false, planned, plan]);
});

test('an invalid file changes nothing', async (t) => {
  const { world, reloader, write } = bench(t);
  write([spec('a')]);
  await reloader.reload();
  write([{ ...spec('b'), workers: 0 }]);
  for (const dryRun of [true, false]) {
    await assert.rejects(reloader.reload(dryRun), code('groups_file_invalid'));
    await assert.rejects(reloader.reload(dryRun), /groups\.json:1:\d+: \/groups\/0\/workers must be >= 1/);
  }
  assert.deepEqual(state(world), ['a registered file stopped']);
});

test('reloads come one after the other; one that has not begun is shared', async (t) => {
  const { world, reloader, write, hosts } = bench(t);
  write([spec('a', { autostart: true })]);
  const first = reloader.reload();
  await settle();
  while (hosts.all.length === 0) await settle();
  write([spec('a', { nice: 1 })]);
  const second = reloader.reload();
  const third = reloader.reload();
  await settle();
  assert.equal(hosts.all.length, 1, 'the second waits for the first');
  assert.deepEqual(actions(await obeyed(world, first)), ['a created']);
  const report = await obeyed(world, second);
  assert.deepEqual(actions(report), ['a restarted']);
  assert.equal(await third, report);
});

test('a file without a path, and a service on its way out', async (t) => {
  const { world, reloader, coordinator } = bench(t);
  const none = new Reloader({ file: undefined, coordinator });
  assert.equal(await none.load(), undefined);
  await assert.rejects(none.reload(), code('no_groups_file'));
  await obeyed(world, coordinator.close());
  await assert.rejects(reloader.reload(), code('shutting_down'));
});

test('a mistake of the service itself is no failure of a group, and the others are done all the same', async (t) => {
  const { reloader, write, coordinator } = bench(t);
  write([spec('a'), spec('b')]);
  const { register } = coordinator;
  t.mock.method(coordinator, 'register', async (...args: Parameters<typeof register>) => {
    if (args[0].name === 'a') throw new TypeError('x is not a function');
    return register.apply(coordinator, args);
  });
  await assert.rejects(reloader.reload(), TypeError);
  assert.deepEqual(
    coordinator.list().map(({ name }) => name),
    ['b'],
  );
});

const NAMES = ['a', 'b', 'c', 'd'] as const;
/** Some of the fields of a spec, so that live changes, restarts and both come up. */
const fields = fc.record(
  {
    workers: fc.integer({ min: 1, max: 3 }),
    nice: fc.integer({ min: 0, max: 1 }),
    labels: fc.constantFrom({}, { role: 'x' }),
    autostart: fc.boolean(),
    after: fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 2 }),
  },
  { noNullPrototype: true },
);
/** A file whose groups come only after those before them in this file, in an order of their own. */
const files = fc
  .tuple(fc.shuffledSubarray([...NAMES]), fc.array(fields, { minLength: 4, maxLength: 4 }))
  .map(([names, of]) =>
    names.map((name, i) => {
      const some = of[i];
      return spec(name, {
        ...some,
        after: (some?.after ?? []).filter((other) => names.indexOf(other) < i && names.includes(other)),
      });
    }),
  );
const user = fc.array(
  fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('start', 'stop', 'patch', 'none')),
  {
    maxLength: 3,
  },
);

test('after a reload there is what the file says and what REST has registered, and what has not changed goes on', async (t) => {
  await fc.assert(
    fc.asyncProperty(files, user, files, fc.subarray([...NAMES]), async (old, commands, next, rest) => {
      const { world, reloader, write, coordinator, hosts } = bench(t, { maxWorkers: 100 });
      for (const name of rest) await coordinator.register(spec(name, { workers: 1 }));
      write(old);
      await obeyed(world, reloader.reload());
      for (const [name, command] of commands) {
        const done = () => {};
        if (command === 'start' || command === 'stop') {
          const asked: Promise<unknown> = coordinator[command](name);

          await obeyed(world, asked).catch(done);
        } else if (command === 'patch') await coordinator.patch(name, { nice: 5 }).catch(done);
      }
      const before = new Map(
        coordinator
          .list()
          .map((group) => [
            group.name,
            { ...group.registration(), running: group.incarnation?.spec, alive: hosts.alive(group.name)[0] },
          ]),
      );
      const was = new Map(coordinator.list().map((group) => [group.name, group]));
      write(next);
      const plan = await reloader.reload(true);
      const report = await obeyed(world, reloader.reload());
      assert.deepEqual(
        report.groups.map(({ action }) => action),
        plan.groups.map(({ action }) => action),
      );
      for (const { name, action, success, reason } of report.groups) {
        // The one thing that may go wrong here: those that a group comes after were not started.
        if (!success && action !== 'conflict')
          assert.match(reason ?? '', /starts after/, `${name} ${action}`);
      }

      const wanted = new Map<string, [string, GroupSpec]>(next.map((one) => [one.name, ['file', one]]));
      for (const name of rest) wanted.set(name, ['rest', before.get(name)?.spec ?? spec(name)]);
      const there = coordinator.list();
      assert.deepEqual(there.map(({ name }) => name).sort(), [...wanted.keys()].sort());
      for (const group of there) {
        const { name } = group;
        const [origin, should] = wanted.get(name) ?? [];
        const told = report.groups.find((one) => one.name === name);
        assert.equal(group.origin, origin);
        if (told?.success !== false || told.action === 'conflict') assert.deepEqual(group.spec, should, name);
        const earlier = before.get(name);
        if (earlier === undefined) continue;
        if (told === undefined || ['unchanged', 'changed', 'conflict'].includes(told.action)) {
          assert.equal(hosts.alive(name)[0], earlier.alive, `${name}: the host is another one`);
          assert.equal(group, was.get(name));
        }
        if (told?.action !== 'removed')
          assert.equal(group.desired, earlier.desired, `${name}: what is desired`);
      }
      const again = await reloader.reload(true);
      for (const { name, action, starts } of again.groups) {
        const failed = report.groups.some((one) => one.name === name && !one.success);
        if (!failed) assert.deepEqual([action, starts], ['unchanged', false], name);
      }
      await obeyed(world, coordinator.close());
    }),
    { numRuns: 150 },
  );
});
