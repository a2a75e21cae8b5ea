import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { versionOf } from './machine.mjs';
import { endTree } from './process-tree.mjs';

/** Why supervisord cannot take part; undefined when it can. */
export const supervisordMissing =
  versionOf('supervisord', ['--version']) === undefined
    ? 'supervisord is not installed (Debian: apt-get install supervisor)'
    : undefined;

const LISTEN_MS = 15_000;

/**
 * A supervisord of its own, in the foreground, in a temporary folder, driven over its XML-RPC on a Unix socket: what
 * `supervisorctl` does, without the start of a Python.
 */
export class Supervisord {
  #child;
  #folder;
  #socket;
  #agent = new Agent({ keepAlive: true });

  /**
   * @param {{ name: string, command: string, processes: number }[]} programs each a group of as many processes
   * @returns {Promise<Supervisord>} one that listens
   */
  static async start(programs) {
    const supervisord = new Supervisord(programs);
    try {
      await supervisord.#listening();
      return supervisord;
    } catch (error) {
      await supervisord.end();
      throw error;
    }
  }

  constructor(programs) {
    this.#folder = mkdtempSync(join(tmpdir(), 'parallel-workers-bench-'));
    this.#socket = join(this.#folder, 'socket');
    const file = join(this.#folder, 'supervisord.conf');
    writeFileSync(file, configuration(this.#folder, this.#socket, programs));
    this.#child = spawn('supervisord', ['--nodaemon', '--silent', '--configuration', file], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#child.once('error', () => {});
  }

  get pid() {
    return this.#child.pid;
  }

  /** Starts all processes of a program. Answered when all are spawned, which is before they run any code of theirs. */
  startGroup(name) {
    return this.#call('supervisor.startProcessGroup', name);
  }

  /** Stops them. Answered when supervisord has noticed that all are dead. */
  stopGroup(name) {
    return this.#call('supervisor.stopProcessGroup', name);
  }

  /** Ends it, and with it what it has started. */
  async end() {
    this.#agent.destroy();
    if (this.pid !== undefined) await endTree(this.pid);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listening() {
    const deadline = performance.now() + LISTEN_MS;
    for (;;) {
      if (this.#child.pid === undefined || this.#child.exitCode !== null)
        throw new Error('supervisord has not started');
      try {
        if (existsSync(this.#socket)) return await this.#call('supervisor.getState');
      } catch (error) {
        if (error.code !== 'ECONNREFUSED') throw error;
      }
      if (performance.now() > deadline) throw new Error('supervisord does not listen');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @param {...string} args @throws when the answer is a fault, or any process has not done what was asked */
  async #call(method, ...args) {
    const params = args.map((value) => `<param><value><string>${value}</string></value></param>`).join('');
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
    const answer = await new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.#socket,
          path: '/RPC2',
          method: 'POST',
          agent: this.#agent,
          headers: { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) },
        },
        (response) => {
          response.setEncoding('utf8');
          let text = '';
          response.on('data', (more) => {
            text += more;
          });
          response.on('end', () => resolve(text));
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
    const codes = [...answer.matchAll(/<name>status<\/name>\s*<value><int>(\d+)<\/int>/g)];
    const good = !answer.includes('<fault>') && codes.every(([, code]) => Number(code) === SUCCESS);
    if (!good || !answer.includes('<methodResponse>')) throw new Error(`supervisord, ${method}: ${answer}`);
  }
}

/** What supervisord says of a process with which all went well. */
const SUCCESS = 80;

function configuration(folder, socket, programs) {
  const sections = programs.map(
    ({ name, command, processes }) => `
[program:${name}]
command=${command}
process_name=%(program_name)s-%(process_num)d
numprocs=${processes}
autostart=false
autorestart=false
; Otherwise it calls a process started, and answers, after a second.
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
`,
  );
  return `[supervisord]
logfile=/dev/null
logfile_maxbytes=0
pidfile=${folder}/pid
childlogdir=${folder}
nodaemon=true

[unix_http_server]
file=${socket}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
${sections.join('')}`;
}
