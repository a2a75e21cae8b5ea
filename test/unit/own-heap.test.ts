import assert from 'node:assert/strict';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { HostDirectories } from '#dist/host/directories.js';
import { hostStarter } from '#dist/host/start-host.js';
import { spec } from '../support/coordinator.js';
import { temporaryDirectory } from '../support/temporary.js';

/** The flags about heaps that a host with this environment, without a group, is started with. */
async function heapFlags(t: TestContext, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const directories = await HostDirectories.open(temporaryDirectory(t));
  const starter = hostStarter({ environment, directories, fencedTo: undefined, feedSocket: () => '' });
  const host = starter.start(spec('usual'), '');
  starter.kill(host);
  await once(host.child, 'exit');
  return host.child.spawnargs.filter((argument) => argument.includes('semi-space'));
}

test('the young generation of a host’s own thread is bounded, unless its environment says what heaps are to be', async (t) => {
  assert.deepEqual(await heapFlags(t, {}), ['--max-semi-space-size=2']);
  assert.deepEqual(await heapFlags(t, { NODE_OPTIONS: '--max-semi-space-size=64' }), []);
});
