import assert from 'node:assert/strict';
import { realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fenceRefusal } from '#dist/config/fence-refusal.js';
import { type FencePaths, fenceFlags } from '#dist/host/fence.js';
import type { Permissions } from '#dist/schemas/permissions.js';
import { temporaryDirectory } from '../support/temporary.js';

const NONE: Permissions = { read: [], write: [], childProcess: false, addons: false, wasi: false };
const PATHS: FencePaths = {
  workersDir: '/workers',
  directory: '/state/hosts/a-1',
  socket: undefined,
  coverage: undefined,
};

const flags = (permissions: Partial<Permissions>, paths: Partial<FencePaths> = {}) =>
  fenceFlags({ ...NONE, ...permissions }, { ...PATHS, ...paths });
const of = (all: string[], flag: string) =>
  all.filter((text) => text.startsWith(`${flag}=`)).map((text) => text.slice(flag.length + 1));

test('the fence is refused below Node 24, with the version', () => {
  for (const version of ['20.19.0', '22.18.0', '23.11.1'])
    assert.match(fenceRefusal(version) ?? '', new RegExp(`needs Node 24 or later.* runs on ${version}`));
  for (const version of ['24.0.0', '24.21.0', '26.1.0']) assert.equal(fenceRefusal(version), undefined);
});

test('without grants a host writes to its own directory alone, and starts nothing', () => {
  const all = flags({});
  assert.deepEqual(of(all, '--allow-fs-write'), ['/state/hosts/a-1']);
  assert.ok(of(all, '--allow-fs-read').includes('/workers'));
  for (const flag of ['--allow-child-process', '--allow-addons', '--allow-wasi'])
    assert.equal(all.includes(flag), false, flag);
});

test('a host may look at its own process, and not at that of the service', () => {
  const read = of(flags({}), '--allow-fs-read');
  assert.ok(read.includes('/proc/self/task'));
  assert.deepEqual(
    read.filter((path) => path.startsWith('/proc/') && path !== '/proc/self/task'),
    [],
  );
});

test('a grant is a flag; relative paths begin at the workers directory, and what may be written may be read', () => {
  const all = flags({ read: ['/data', 'models'], write: ['../spool'], childProcess: true, addons: true });
  const read = of(all, '--allow-fs-read');
  for (const path of ['/data', '/workers/models', '/spool']) assert.ok(read.includes(path), path);
  assert.deepEqual(of(all, '--allow-fs-write'), ['/state/hosts/a-1', '/spool']);
  assert.deepEqual([all.includes('--allow-child-process'), all.includes('--allow-addons')], [true, true]);
  assert.equal(all.includes('--allow-wasi'), false);
});

test('a link is granted by both of its names', (t) => {
  const directory = realpathSync(temporaryDirectory(t));
  symlinkSync(directory, join(directory, 'link'));
  const read = of(flags({ read: [join(directory, 'link')] }), '--allow-fs-read');
  assert.ok(read.includes(join(directory, 'link')) && read.includes(directory));
});

test('a path with a comma stays one path', () => {
  assert.ok(of(flags({ read: ['/a,b'] }), '--allow-fs-read').includes('/a,b'));
});
