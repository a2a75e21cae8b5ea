import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { HostDirectories } from '#dist/host/directories.js';
import { ownHeapFlags } from '#dist/host/own-heap.js';
import { hostStarter } from '#dist/host/start-host.js';
import { spec } from '../support/coordinator.js';
import { ROOT } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

const execute = promisify(execFile);

/** The flags about heaps that a host of such a group, with this environment, is started with. */
async function heapFlags(
  t: TestContext,
  feed: { capacity: number } | undefined,
  environment: NodeJS.ProcessEnv = {},
): Promise<string[]> {
  const directories = await HostDirectories.open(temporaryDirectory(t));
  const starter = hostStarter({ environment, directories, fencedTo: undefined, feedSocket: () => '' });
  const host = starter.start(spec('usual', feed && { feed: { ...feed, maxBytes: 1, ordered: false } }), '');
  starter.kill(host);
  await once(host.child, 'exit');
  return host.child.spawnargs.filter((argument) => /semi.space/.test(argument));
}

test('the young generation of a host’s own thread is bounded where there is a feed', async (t) => {
  assert.deepEqual(await heapFlags(t, { capacity: 1 }), ['--max-semi-space-size=2']);
  assert.deepEqual(await heapFlags(t, undefined), []);
});

test('who says what heaps are to be has those', async (t) => {
  for (const asked of ['--max-semi-space-size=64', '--max_semi_space_size=64'])
    assert.deepEqual(await heapFlags(t, { capacity: 1 }, { NODE_OPTIONS: asked }), []);
  const other = { NODE_OPTIONS: '--min-semi-space-size=1' };
  assert.deepEqual(await heapFlags(t, { capacity: 1 }, other), ['--max-semi-space-size=2']);
});

/** How large the young generation gets where much lives on, in MiB: of the process's own thread, and of one that it starts. */
const GROWS = `
import { getHeapSpaceStatistics } from 'node:v8';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { threadFlags, unboundThreadHeaps } from '${ROOT}dist/host/own-heap.js';
const kept = [];
let most = 0;
for (let round = 0; round < 200; round++) {
  for (let i = 0; i < 10_000; i++) kept[i] = { round, i };
  const { space_size } = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  most = Math.max(most, space_size / 2 ** 20);
}
if (!isMainThread) parentPort.postMessage(most);
else {
  unboundThreadHeaps();
  const thread = new Worker(new URL(import.meta.url), { execArgv: threadFlags() });
  thread.once('message', (ofThread) => console.log(JSON.stringify({ own: most, ofThread })));
}
`;

test('it stays small, and those of threads do not', async (t) => {
  const script = join(temporaryDirectory(t), 'grows.mjs');
  writeFileSync(script, GROWS);
  const { stdout } = await execute(process.execPath, [...ownHeapFlags({}), script]);
  const { own, ofThread } = JSON.parse(stdout);
  assert.ok(own <= 6 && ofThread > 8, stdout);
});
