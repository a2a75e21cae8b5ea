import assert from 'node:assert/strict';
import { realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loadLoggerModule, loadWorkerModule } from '#dist/host/thread/module.js';
import { moduleResolver } from '#dist/worker-modules.js';
import { temporaryDirectory } from '../support/temporary.js';
import { workersDir, writeFiles } from '../support/workers-dir.js';

const WORKER = 'export default () => {};\n';
const LOGGER = 'export const log = () => {};\n';
/** Code from outside shows that it has run. */
const OUTSIDE = 'globalThis.ranOutside = true;\nexport default () => {};\nexport const log = () => {};\n';

const LEADS_OUT = /leads out of the workers directory now, to .*: a link has taken the place/;

function directories(t: TestContext) {
  const inside = realpathSync(workersDir(t, { 'sub/worker.mjs': WORKER, 'sub/logger.mjs': LOGGER }));
  const outside = temporaryDirectory(t);
  writeFiles(outside, { 'worker.mjs': OUTSIDE, 'logger.mjs': OUTSIDE });
  return { inside, outside, sub: join(inside, 'sub') };
}

function swap(at: ReturnType<typeof directories>, target: string): void {
  renameSync(at.sub, join(at.inside, 'before'));
  symlinkSync(target, at.sub);
}

test('a module whose folder has become a link to the outside since it was found is not loaded', async (t) => {
  const at = directories(t);
  const resolve = moduleResolver(at.inside);
  const worker = await resolve('sub/worker.mjs');
  const logger = await resolve('sub/logger.mjs');
  swap(at, at.outside);
  await assert.rejects(loadWorkerModule(worker.url, worker.workersDir), LEADS_OUT);
  await assert.rejects(loadLoggerModule(logger.url, logger.workersDir), LEADS_OUT);
  assert.equal('ranOutside' in globalThis, false);
});

test('a folder that has become a link to another inside is no matter', async (t) => {
  const at = directories(t);
  const { url, workersDir } = await moduleResolver(at.inside)('sub/worker.mjs');
  swap(at, join(at.inside, 'before'));
  assert.equal(typeof (await loadWorkerModule(url, workersDir)).default, 'function');
});

test('a directory whose name only begins like that of the workers is outside', async (t) => {
  const at = directories(t);
  const url = pathToFileURL(join(at.sub, 'worker.mjs')).href;
  await assert.rejects(loadWorkerModule(url, at.sub.slice(0, -1)), LEADS_OUT);
});

test('a module that is gone since it was found is told as that', async (t) => {
  const at = directories(t);
  const { url, workersDir } = await moduleResolver(at.inside)('sub/worker.mjs');
  rmSync(at.sub, { recursive: true });
  await assert.rejects(loadWorkerModule(url, workersDir), /it is not there any more \(ENOENT/);
});
