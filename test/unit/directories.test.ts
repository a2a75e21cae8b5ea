import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, realpathSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'node:test';
import { HostDirectories } from '#dist/host/directories.js';
import { temporaryDirectory } from '../support/temporary.js';
import { writeFiles } from '../support/workers-dir.js';

test('every host has a directory that is its own, empty, closed to others and gone with it', async (t) => {
  const root = join(temporaryDirectory(t), 'state/hosts');
  const directories = await HostDirectories.open(root);
  const made = [1, 2, 3].map(() => directories.make());
  assert.equal(new Set(made).size, 3);
  for (const directory of made) {
    assert.equal(dirname(directory), realpathSync(root));
    assert.deepEqual(readdirSync(directory), []);
    assert.equal(statSync(directory).mode & 0o777, 0o700);
    writeFiles(directory, { 'deep/file': 'left' });
  }
  for (const directory of made) directories.remove(directory);
  await directories.close();
  assert.deepEqual(readdirSync(root), []);
});

test('what a service that died has left is removed at the start of the next', async (t) => {
  const root = join(temporaryDirectory(t), 'hosts');
  for (let i = 0; i < 50; i++) writeFiles(root, { [`a-${i}/deep/file`]: 'left' });
  const directories = await HostDirectories.open(root);
  const own = directories.make();
  assert.deepEqual(readdirSync(own), []);
  await directories.close();
  assert.deepEqual(readdirSync(root), [basename(own)], 'what is of this life stays');
});

test('nothing is removed that a link leads to', async (t) => {
  const elsewhere = temporaryDirectory(t);
  writeFiles(elsewhere, { precious: 'data' });
  const root = join(temporaryDirectory(t), 'hosts');
  symlinkSync(elsewhere, root);
  const directories = await HostDirectories.open(root);
  assert.equal(lstatSync(root).isDirectory(), true);
  const directory = directories.make();
  symlinkSync(elsewhere, join(directory, 'link'));
  directories.remove(directory);
  await directories.close();
  assert.deepEqual([readdirSync(root), readdirSync(elsewhere)], [[], ['precious']]);
});

test('without a place of their own they are in the system’s, and leave nothing there', async () => {
  const directories = await HostDirectories.open();
  const directory = directories.make();
  assert.equal(existsSync(directory), true);
  await directories.close();
  assert.equal(existsSync(dirname(directory)), false);
});

test('when their place has been removed it is made again', async (t) => {
  const root = join(temporaryDirectory(t), 'hosts');
  const directories = await HostDirectories.open(root);
  rmSync(root, { recursive: true });
  assert.equal(existsSync(directories.make()), true);
  assert.equal(statSync(root).mode & 0o777, 0o700);
});
