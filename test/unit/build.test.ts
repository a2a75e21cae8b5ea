import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../support/service.js';

test('nothing is in dist whose source has gone: all of it is packed', () => {
  const files = readdirSync(join(ROOT, 'dist'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(ROOT, 'dist/').length))
    // Vite empties that one.
    .filter((path) => !path.startsWith('page/'));
  assert.ok(files.length > 100);
  const stale = files.filter((path) => {
    const source = join(ROOT, 'src', path.replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts'));
    return !existsSync(source) && !existsSync(`${source}x`);
  });
  assert.deepEqual(stale, []);
});

test('the command can be run by whoever has linked the checkout, also after the next build', () => {
  accessSync(join(ROOT, 'dist/server.js'), constants.X_OK);
});
