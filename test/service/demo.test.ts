import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { requires } from '../support/requires.js';
import { ROOT, until } from '../support/service.js';

test(
  'the demo goes on with --keep, ends with the address of the dashboard, and with Ctrl-C',
  requires('python3'),
  async (t) => {
    const child = spawn(process.execPath, [`${ROOT}examples/digits/demo.mjs`, '--keep'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    t.after(() => child.kill('SIGTERM'));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    const url = await until(
      'the address of the dashboard',
      () => /dashboard is at (http:\S+)$/.exec(lines.at(-1) ?? '')?.[1],
      180,
    );
    assert.match(await (await fetch(url)).text(), /<title>parallel-workers<\/title>/);
    await until('the groups to work on', async () => {
      const { groups } = (await (await fetch(`${url}v1/groups`)).json()) as { groups: { state: string }[] };
      return groups.some(({ state }) => state === 'running') || undefined;
    });
    child.kill('SIGINT');
    assert.deepEqual(await ended, [0, null]);
    await assert.rejects(fetch(url), 'the service has ended, too');
  },
);
