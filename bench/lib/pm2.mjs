import { fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTime } from './presence.mjs';
import { endTree } from './process-tree.mjs';

const CLIENT = fileURLToPath(new URL('./pm2-client.mjs', import.meta.url));

/**
 * Settings of an app that are not pm2's own, each documented: without its instrumentation in each process, without a look at
 * the app's git repository, and a stop that does not list all processes of the machine first.
 */
export const LEAN = { pmx: false, vizion: false, treekill: false };

/** A pm2 daemon of its own, in a temporary folder, and a client of it that is connected. */
export class Pm2 {
  #home = mkdtempSync(join(tmpdir(), 'parallel-workers-bench-'));
  #client;
  #waiting = new Map();
  #calls = 0;

  /**
   * @param {string} [node] path of the Node that the daemon and its processes run on
   * @returns {Promise<Pm2>} one whose daemon runs
   */
  static async start(node = process.execPath) {
    const pm2 = new Pm2(node);
    try {
      await pm2.#call('connect');
      return pm2;
    } catch (error) {
      await pm2.end();
      throw error;
    }
  }

  constructor(node) {
    this.#client = fork(CLIENT, [node], {
      env: { ...process.env, PM2_HOME: this.#home },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#client.on('message', ({ id, error }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve();
      else reject(new Error(`pm2: ${error}`));
    });
    this.#client.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the client of pm2 has ended'));
      this.#waiting.clear();
    });
  }

  /** Process id of the daemon. */
  get pid() {
    const file = join(this.#home, 'pm2.pid');
    return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
  }

  /** Starts the processes of an app. Answered when all are spawned. */
  start(app) {
    return this.#call('start', app);
  }

  /** Stops the processes of an app, and forgets it. Answered when pm2 has noticed that all are dead. */
  delete(name) {
    return this.#call('delete', name);
  }

  /** Ends the daemon, and with it what it has started. */
  async end() {
    // While it is being started the daemon is a child of the client.
    const { pid: client, exitCode, signalCode } = this.#client;
    if (client !== undefined && exitCode === null && signalCode === null) await endTree(client);
    if (this.pid !== undefined) await endTree(this.pid);
    rmSync(this.#home, { recursive: true, force: true });
  }

  #call(method, ...args) {
    const id = this.#calls++;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#client.send({ id, method, args });
    return inTime(answer, () => `pm2 to answer "${method}"`);
  }
}
