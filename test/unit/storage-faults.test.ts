import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { StateDirectoryError } from '#dist/store/state-directory-error.js';
import { code, obeyed, spec } from '../support/coordinator.js';
import { CrashFiles, type Fault } from '../support/crash-files.js';
import { type KeptService, keptService, registrations } from '../support/kept-service.js';
import { temporaryDirectory } from '../support/temporary.js';

type Command = (service: KeptService) => Promise<unknown>;

/** Of the groups, `a` runs and `b` does not. */
const COMMANDS: Record<string, Command> = {
  register: ({ coordinator }) => coordinator.register(spec('new')),
  'register, with ids to be reserved': ({ coordinator }) =>
    coordinator.register(spec('new', { workers: 64 })),
  replace: ({ coordinator }) => coordinator.replace(spec('b', { params: 1 })),
  'replace what runs': ({ coordinator }) => coordinator.replace(spec('a', { params: 1 })),
  patch: ({ coordinator }) => coordinator.patch('b', { labels: { x: 'y' } }),
  'patch to more workers': ({ coordinator }) => coordinator.patch('a', { workers: 3 }),
  'patch to fewer workers': ({ coordinator }) => coordinator.patch('a', { workers: 1 }),
  delete: ({ coordinator }) => coordinator.remove('b'),
  'delete what runs': ({ coordinator }) => coordinator.remove('a'),
  start: ({ coordinator }) => coordinator.start('b'),
  stop: ({ coordinator }) => coordinator.stop('a'),
  restart: ({ coordinator }) => coordinator.restart('a'),
  'start all': ({ coordinator }) => coordinator.startAll({}),
  'stop all': ({ coordinator }) => coordinator.stopAll({}),
};

const KINDS: Omit<Fault, 'at'>[] = [
  { lasting: false, after: false },
  { lasting: false, after: true },
  { lasting: true, after: false },
  { lasting: true, after: true },
];

/** Hosts do what they are asked until the command has come to its end. @returns what it failed with */
function carriedOut(service: KeptService, command: Promise<unknown>): Promise<unknown> {
  return obeyed(service, command).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** Two groups with a history, and the file system that they are kept in. */
async function prepared(t: TestContext, directory: string) {
  const files = new CrashFiles();
  const service = await keptService(directory, files);
  t.after(() => service.die());
  const { coordinator } = service;
  for (const name of ['b', 'a']) await coordinator.register(spec(name));
  await carriedOut(service, coordinator.start('a'));
  await carriedOut(service, coordinator.patch('b', { workers: 3 }));
  await carriedOut(service, coordinator.patch('b', { workers: 2 }));
  return { files, service };
}

/** What a user sees of memory. */
function seen({ coordinator, hosts }: KeptService) {
  return {
    groups: coordinator
      .list()
      .map(({ name, spec, desired, state, workerIds }) => ({ name, spec, desired, state, workerIds })),
    hosts: hosts.alive().map(({ group, asked }) => [group, [...asked]]),
  };
}

/** What is found after a restart, and that all of it could be used. */
async function found(directory: string, files: CrashFiles, what: string): Promise<Map<string, string>> {
  const service = await keptService(directory, files);
  assert.deepEqual(service.state.setAside, [], what);
  const leftovers = [...files.files.keys()].filter((path) => path.endsWith('.tmp'));
  assert.deepEqual(leftovers, [], `${what}: temporary files`);
  service.die();
  return registrations(service);
}

for (const [name, command] of Object.entries(COMMANDS)) {
  test(`${name}: whichever call of the file system fails, old or new, and what is answered holds`, async (t) => {
    const directory = temporaryDirectory(t);
    const { service: unhurt } = await prepared(t, directory);
    await carriedOut(unhurt, command(unhurt));
    const wanted = registrations(unhurt);
    unhurt.die();
    for (const kind of KINDS) {
      for (let at = 1; ; at++) {
        const what = `${name}, call ${at}, ${JSON.stringify(kind)}`;
        const { files, service } = await prepared(t, directory);
        const old = registrations(service);
        const before = seen(service);
        files.fail({ at, ...kind });
        const error = await carriedOut(service, command(service));
        const { faulted } = files;
        if (error !== undefined) {
          assert.ok(code('storage_failed')(error), `${what}: ${error}`);
          assert.deepEqual(seen(service), before, `${what}: nothing has changed in memory`);
        }
        const now = registrations(service);
        service.die();
        files.fail(undefined);
        // First only the service goes, then the machine.
        for (const crash of [false, true]) {
          if (crash) files.crash();
          const after = await found(directory, files, what);
          for (const group of new Set([...old.keys(), ...now.keys(), ...after.keys()])) {
            if (error === undefined) assert.equal(after.get(group), now.get(group), `${what}: ${group}`);
            else if (!kind.lasting && !crash)
              assert.equal(after.get(group), old.get(group), `${what}: ${group}`);
            else
              assert.ok(
                [old, wanted].some((state) => state.get(group) === after.get(group)),
                `${what}: ${group}`,
              );
          }
        }
        if (!faulted) {
          assert.equal(error, undefined, what);
          break;
        }
      }
    }
  });
}

test('what could neither be written nor undone is written by the next command, and old or new until then', async (t) => {
  const directory = temporaryDirectory(t);
  for (let at = 1; ; at++) {
    const { files, service } = await prepared(t, directory);
    const { coordinator } = service;
    const old = registrations(service);
    files.fail({ at, lasting: true, after: false });
    const error = await carriedOut(service, coordinator.stop('a'));
    const { faulted } = files;
    files.fail(undefined);
    // Nothing changes by it: what was refused must not come back all the same.
    if (error !== undefined) await carriedOut(service, coordinator.start('a'));
    const now = registrations(service);
    if (error !== undefined) assert.deepEqual(now, old);
    service.die();
    files.crash();
    assert.deepEqual(await found(directory, files, `call ${at}`), now, `call ${at}`);
    if (!faulted) break;
  }
});

for (const [name, command] of Object.entries(COMMANDS)) {
  test(`${name}: what could neither be written nor undone is brought in order at a clean end`, async (t) => {
    const directory = temporaryDirectory(t);
    for (const after of [false, true]) {
      for (let at = 1; ; at++) {
        const what = `call ${at}, ${after ? 'after' : 'before'} its effect`;
        const { files, service } = await prepared(t, directory);
        files.fail({ at, lasting: true, after });
        await carriedOut(service, command(service));
        const { faulted } = files;
        files.fail(undefined);
        const now = registrations(service);
        await obeyed(service, service.coordinator.close());
        service.die();
        files.crash();
        assert.deepEqual(await found(directory, files, what), now, what);
        if (!faulted) break;
      }
    }
  });
}

test('worker ids are never used again, wherever the service ends', async (t) => {
  const directory = temporaryDirectory(t);
  for (let at = 1; ; at++) {
    const { files, service } = await prepared(t, directory);
    files.fail({ at, lasting: true, after: false });
    await carriedOut(service, service.coordinator.register(spec('c', { workers: 3 })));
    await carriedOut(
      service,
      service.coordinator.remove('c').catch(() => {}),
    );
    const { faulted } = files;
    service.die();
    files.crash();
    const next = await keptService(directory, files);
    const { group } = await next.coordinator.register(spec('d', { workers: 1 }));
    next.die();
    // 0 to 4 belong to the groups that were prepared, or did; 5 to 7 may have been those of c.
    assert.ok((group.workerIds[0] ?? 0) >= (faulted ? 5 : 8), `call ${at}: worker ${group.workerIds}`);
    if (!faulted) break;
  }
});

for (const code of ['EIO', 'EMFILE', 'EACCES']) {
  test(`whichever call fails at start with ${code}, nothing is lost, and what is damaged is told`, async (t) => {
    const directory = temporaryDirectory(t);
    for (const lasting of [false, true]) {
      for (let at = 1; ; at++) {
        const what = `call ${at}${lasting ? ' and all after it' : ''}`;
        const { files, service } = await prepared(t, directory);
        await service.coordinator.register(spec('c'));
        const old = registrations(service);
        old.delete('c');
        service.die();
        files.overwrite(join(directory, 'groups/c.json'), 'damaged');
        files.fail({ at, lasting, after: false, code });
        const outcome = await keptService(directory, files).catch((error: unknown) => error);
        const { faulted } = files;
        files.fail(undefined);
        if (outcome instanceof Error)
          assert.ok(outcome instanceof StateDirectoryError, `${what}: ${outcome}`);
        // Whoever supervises the service tries again, when that has passed.
        const started =
          outcome instanceof Error ? await keptService(directory, files) : (outcome as KeptService);
        started.die();
        assert.deepEqual(registrations(started), old, what);
        const told = started.state.setAside.map(({ file }) => file.replace(/\.damaged-\d$/, ''));
        assert.deepEqual(told, ['groups/c.json'], what);
        const { group } = await started.coordinator.register(spec('d'));
        assert.ok((group.workerIds[0] ?? 0) < 1_000_000, `${what}: ids go on`);
        if (!faulted) break;
      }
    }
  });
}
