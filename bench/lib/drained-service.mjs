import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MODULES, ROOT, Service } from '../../dist-test/support/service.js';

/**
 * Runs `body` with a real service whose log goes into a pipe that another process empties, as a container's runtime
 * does: the service logs two lines of each request, and whoever measures must not spend a core on reading them. So the
 * service's `log` stays empty.
 * @param {object} options
 * @param {string} [options.workersDir] the fixtures of the tests, by default
 * @param {string} [options.stateDir] one that goes with it, by default
 * @param {string[]} [options.flags]
 * @param {Record<string, string>} [options.env]
 * @param {boolean} [options.detached] out of reach of the terminal's Ctrl-C
 */
export async function withDrainedService(
  { workersDir = MODULES, flags = [], env = {}, stateDir, detached = false },
  body,
) {
  const folder = mkdtempSync(join(tmpdir(), 'pw-bench-'));
  const processes = [];
  try {
    const log = join(folder, 'log');
    execFileSync('mkfifo', [log]);
    // Open for both first, so that neither end waits for the other.
    const fds = ['r+', 'r', 'w'].map((mode) => openSync(log, mode));
    const [, read, write] = fds;
    const drain = spawn('grep', ['--line-buffered', 'listening at'], {
      stdio: [read, 'pipe', 'inherit'],
      detached,
    });
    const service = spawn(
      process.execPath,
      [
        join(ROOT, 'dist/server.js'),
        '--port',
        '0',
        '--rate-limit',
        '0',
        '--workers-dir',
        workersDir,
        ...flags,
      ],
      {
        env: { ...process.env, PW_STATE_DIR: stateDir ?? join(folder, 'state'), ...env },
        stdio: ['ignore', write, 'inherit'],
        detached,
      },
    );
    processes.push(service, drain);
    for (const fd of fds) closeSync(fd);
    return await body(new Service(service, await addressIn(drain), []));
  } finally {
    // The drain ends when the service has.
    for (const child of processes) {
      if (child === processes[0]) child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    rmSync(folder, { recursive: true });
  }
}

async function addressIn(drain) {
  for await (const line of createInterface({ input: drain.stdout })) {
    const address = /listening at (http:[^\s"]+)/.exec(line)?.[1];
    if (address !== undefined) {
      // The lines of a run may name it again, and nobody reads them.
      drain.stdout.resume();
      return address;
    }
  }
  throw new Error('the service ended before it listened');
}
