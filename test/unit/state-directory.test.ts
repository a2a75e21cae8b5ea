import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { readGroup, UnusableFile, writeGroup } from '#dist/store/group-file.js';
import { StateDirectory } from '#dist/store/state-directory.js';
import { StateDirectoryError } from '#dist/store/state-directory-error.js';
import { spec } from '../support/coordinator.js';
import { keptService, registrations } from '../support/kept-service.js';
import { temporaryDirectory } from '../support/temporary.js';

const REGISTRATION = {
  spec: spec('train', { params: { text: 'é\u0000"\\', '1': [1e21, -0.5, null] }, labels: { role: 'train' } }),
  workerIds: [3, 4],
  order: 7,
  desired: 'running',
  origin: 'rest',
  completed: false,
} as const;

test('a registration comes back as it was', () => {
  const text = writeGroup(REGISTRATION);
  assert.deepEqual(readGroup(Buffer.from(text), 'train'), REGISTRATION);
  assert.equal(text.trimEnd().includes('\n'), false, 'one line');
});

test('every byte of a file flipped in turn, and every bit of it: never taken for something else', () => {
  const bytes = Buffer.from(writeGroup(REGISTRATION));
  for (let at = 0; at < bytes.length; at++) {
    for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at) ^ mask, at);
      assert.throws(() => readGroup(flipped, 'train'), UnusableFile, `byte ${at} ^ ${mask}`);
    }
  }
});

test('a file that ends too early, or goes on, is damaged', () => {
  const bytes = Buffer.from(writeGroup(REGISTRATION));
  for (let length = 0; length < bytes.length; length++)
    assert.throws(() => readGroup(bytes.subarray(0, length), 'train'), UnusableFile, `${length} bytes`);
  for (const more of [' ', '\n', '\0', '{}'])
    assert.throws(() => readGroup(Buffer.concat([bytes, Buffer.from(more)]), 'train'), UnusableFile);
});

test('fields that a later version has added get their defaults', () => {
  const { nice: _nice, restart: _restart, ...older } = REGISTRATION.spec;
  const text = writeGroup({ ...REGISTRATION, spec: older as typeof REGISTRATION.spec });
  const { spec: read } = readGroup(Buffer.from(text), 'train');
  assert.deepEqual([read.nice, read.restart.policy], [0, 'never']);
});

test('files and directory are for their owner alone', async (t) => {
  const directory = join(temporaryDirectory(t), 'a', 'state');
  const { coordinator, die } = await keptService(directory);
  await coordinator.register(spec('a'));
  die();
  const mode = (path: string) => (statSync(join(directory, path)).mode & 0o777).toString(8);
  assert.deepEqual(['', 'groups', 'groups/a.json', 'worker-ids.json'].map(mode), [
    '700',
    '700',
    '600',
    '600',
  ]);
});

test('what cannot be used is set aside under a name of its own, told, and the rest loads', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await keptService(directory);
  const names = ['good', 'flipped', 'short', 'empty', 'newer', 'wrong', 'other', 'last'];
  for (const name of names) await first.coordinator.register(spec(name));
  const before = registrations(first);
  first.die();
  const file = (name: string) => join(directory, 'groups', name);
  const change = (name: string, edit: (text: string) => string) =>
    writeFileSync(file(name), edit(readFileSync(file(name), 'utf8')));
  change('flipped.json', (text) => text.replace('"workers":2', '"workers":3'));
  change('short.json', (text) => text.slice(0, -20));
  change('empty.json', () => '');
  change('newer.json', (text) => text.replace('"format":1', '"format":2'));
  writeFileSync(
    file('wrong.json'),
    writeGroup({ ...REGISTRATION, spec: { ...spec('wrong'), workers: 0 }, workerIds: [] }),
  );
  renameSync(file('other.json'), file('renamed.json'));
  writeFileSync(file('copy.json'), writeGroup({ ...REGISTRATION, spec: spec('copy'), workerIds: [0, 1] }));
  mkdirSync(file('directory.json'));
  symlinkSync('/nowhere/at/all', file('link.json'));
  execFileSync('mkfifo', [file('fifo.json')]);
  symlinkSync('/dev/zero', file('device.json'));
  writeFileSync(file('flipped.json.damaged-1'), 'an earlier one');
  writeFileSync(file('.good.json.3.tmp'), 'a crash has left this');
  writeFileSync(file('notes.txt'), 'somebody else has put this here');

  const second = await keptService(directory);
  const kept = registrations(second);
  assert.deepEqual([...kept.keys()], ['good', 'last']);
  for (const [name, text] of kept) assert.equal(text, before.get(name));
  const told = Object.fromEntries(second.state.setAside.map(({ file, reason }) => [file, reason]));
  assert.deepEqual(Object.keys(told).sort(), [
    'groups/copy.json.damaged-1',
    'groups/device.json.damaged-1',
    'groups/directory.json.damaged-1',
    'groups/empty.json.damaged-1',
    'groups/fifo.json.damaged-1',
    'groups/flipped.json.damaged-2',
    'groups/link.json.damaged-1',
    'groups/newer.json.damaged-1',
    'groups/renamed.json.damaged-1',
    'groups/short.json.damaged-1',
    'groups/wrong.json.damaged-1',
  ]);
  assert.match(told['groups/newer.json.damaged-1'] ?? '', /newer version/);
  assert.match(told['groups/fifo.json.damaged-1'] ?? '', /no regular file/);
  assert.match(told['groups/renamed.json.damaged-1'] ?? '', /group "other"/);
  assert.match(told['groups/copy.json.damaged-1'] ?? '', /worker 0 belongs to group "good"/);
  assert.match(told['groups/wrong.json.damaged-1'] ?? '', /\/spec\/workers/);
  assert.equal(readFileSync(file('flipped.json.damaged-1'), 'utf8'), 'an earlier one');
  assert.ok(readdirSync(join(directory, 'groups')).includes('notes.txt'));
  assert.ok(!readdirSync(join(directory, 'groups')).includes('.good.json.3.tmp'));
  const { group } = await second.coordinator.register(spec('flipped'));
  assert.ok((group.workerIds[0] ?? 0) >= 16, 'ids of groups that are set aside are not used again');
  second.die();
  const third = await keptService(directory);
  assert.deepEqual([...registrations(third).keys()], ['good', 'last', 'flipped']);
  assert.deepEqual(third.state.setAside, [], 'told once');
  third.die();
});

test('when the file of worker ids is damaged or gone, ids go on far above those known', async (t) => {
  const directory = temporaryDirectory(t);
  let service = await keptService(directory);
  await service.coordinator.register(spec('a'));
  service.die();
  const path = join(directory, 'worker-ids.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"content":', '"content":1'));
  service = await keptService(directory);
  assert.match(service.state.setAside[0]?.reason ?? '', /damaged/);
  await service.coordinator.register(spec('b'));
  assert.deepEqual(service.coordinator.get('b').workerIds, [1_000_002, 1_000_003]);
  service.die();
  service = await keptService(directory);
  assert.deepEqual(service.state.setAside, []);
  service.die();
  renameSync(path, join(directory, 'elsewhere'));
  service = await keptService(directory);
  assert.deepEqual(service.state.setAside, [{ file: 'worker-ids.json', reason: 'it is missing' }]);
  service.die();
});

test('after a clean end ids go on without a gap', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await keptService(directory);
  await first.coordinator.register(spec('a'));
  await first.coordinator.register(spec('b'));
  await first.coordinator.remove('b');
  await first.coordinator.close();
  first.die();
  const second = await keptService(directory);
  await second.coordinator.register(spec('c'));
  assert.deepEqual(second.coordinator.get('c').workerIds, [4, 5]);
  second.die();
});

test('a directory that cannot be one is a line that says which, and what to do', async (t) => {
  const file = join(temporaryDirectory(t), 'file');
  writeFileSync(file, '');
  await assert.rejects(StateDirectory.open(join(file, 'state')), (error: unknown) => {
    assert.ok(error instanceof StateDirectoryError);
    assert.match(
      error.message,
      /^PW_STATE_DIR=\S+\/file\/state cannot be used: .*choose another.*PW_STATE_DIR$/,
    );
    return true;
  });
});
