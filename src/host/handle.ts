import type { ChildProcess } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import type { Clock, Timer } from '../clock.js';
import type { Host, HostExit, HostFactory, HostListener, HostSpec } from '../coordinator/host.js';
import type { LogLevel } from '../schemas/states.js';
import { Channel } from './channel.js';
import { type HostMessage, isHostMessage } from './host-message.js';
import { HOST_RATE, LineLimit } from './line-limit.js';
import { OutputReader } from './output.js';
import type { HostCommand } from './protocol.js';
import { killHost, type StartedHost } from './start-host.js';

/** 64 workers with 50 buckets report about 60 KB; the largest message is a report of many more. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/**
 * The exit of a host and the end of its channel come together, in either order. When one of them does not follow
 * the other in this time, user code has had a hand in it: it closed the channel, or it handed it to a process in
 * a session of its own.
 */
const EXIT_WINDOW_MS = 100;

/** What is told of a failure when a host has no more room in the log. */
const MAX_SHORT = 200;

/** How fast a host is listened to: 8,000 messages a second, in pieces that hold up nobody. */
const PACE = { messages: 200, windowMs: 25 };

/** What all handles have in common. */
export interface HandleSurroundings {
  readonly clock: Clock;
  /** Starts the host of a group, or hands over one that is up. May throw. */
  readonly start: (spec: HostSpec) => StartedHost;
  readonly removeDirectory: (directory: string) => void;
}

/** Returns a factory of real hosts: child processes, each the leader of a process group of its own. */
export function hostHandles(surroundings: HandleSurroundings): HostFactory {
  return (spec, listener) => new HostProcess(spec, surroundings, listener);
}

class HostProcess implements Host {
  pid: number | undefined;
  readonly #surroundings: HandleSurroundings;
  #started: StartedHost | undefined;
  readonly #listener: HostListener;
  readonly #clock: Clock;
  readonly #outputs: OutputReader[] = [];
  #stderr: OutputReader | undefined;
  #channel: Channel | undefined;
  #exit: HostExit | undefined;
  #distrusted: string | undefined;
  readonly #logLimit: LineLimit;
  #reported = false;
  /** All that it wrote to its standard output and error is read, or had its time. */
  #drained = false;
  #exitTimer: Timer | undefined;

  constructor(spec: HostSpec, surroundings: HandleSurroundings, listener: HostListener) {
    const { clock } = surroundings;
    this.#surroundings = surroundings;
    this.#clock = clock;
    this.#logLimit = new LineLimit(() => clock.now(), HOST_RATE);
    this.#listener = listener;
    let child: ChildProcess;
    try {
      this.#started = surroundings.start(spec);
      child = this.#started.child;
    } catch (error) {
      // Not at once: whoever asked for the host does not have it yet.
      setImmediate(() => this.#onStartFailure(error as Error));
      return;
    }
    this.pid = child.pid;
    child.on('error', (error) => {
      // Without a process no exit will follow.
      if (this.pid === undefined) this.#onStartFailure(error);
    });
    child.on('exit', (code, signal) => this.#onExit({ code, signal }));
    // Out of descriptors, Node makes a child without any stream.
    const [, stdout, stderr, incoming, outgoing] = (child.stdio ?? []) as (Duplex | null | undefined)[];
    if (stdout) this.#outputs.push(this.#readLines(stdout, 'info'));
    if (stderr) {
      this.#stderr = this.#readLines(stderr, 'warn');
      this.#outputs.push(this.#stderr);
    }
    if (!incoming || !outgoing) return;
    // Nothing comes that way but its end.
    outgoing.resume();
    this.#channel = new Channel(
      { incoming, outgoing },
      MAX_MESSAGE_BYTES,
      {
        message: (value) => this.#onMessage(value),
        garbage: (detail) => this.#distrust(`it sent ${detail} on its control channel`),
        closed: () => this.#onChannelClosed(),
        deaf: () => this.#onDeaf(),
      },
      { ...PACE, clock },
    );
  }

  init(launch: Parameters<Host['init']>[0]): void {
    this.#send({ type: 'init', launch });
  }

  run(): void {
    this.#send({ type: 'run' });
  }

  startWorker(workerId: number, index: number): void {
    this.#send({ type: 'startWorker', workerId, index });
  }

  stopWorker(workerId: number): void {
    this.#send({ type: 'stopWorker', workerId });
  }

  killWorker(workerId: number): void {
    this.#send({ type: 'killWorker', workerId });
  }

  count(count: number): void {
    this.#send({ type: 'count', count });
  }

  drain(): void {
    this.#send({ type: 'drain' });
  }

  stop(completed: boolean): void {
    this.#send({ type: 'stop', completed });
  }

  report(request: number): void {
    this.#send({ type: 'report', request });
  }

  kill(): void {
    if (this.#started !== undefined) killHost(this.#started.child);
  }

  #send(command: HostCommand): void {
    this.#channel?.send(command);
  }

  #readLines(stream: Readable, level: LogLevel): OutputReader {
    return new OutputReader(stream, this.#clock, (text, droppedLines) =>
      this.#listener.message({ type: 'log', level, text, ...(droppedLines && { droppedLines }) }),
    );
  }

  #onMessage(value: unknown): void {
    if (isHostMessage(value)) this.#hear(value);
    else this.#distrust('it sent a message that is not of the protocol on its control channel');
  }

  /** What makes a line in the log is bounded once more, over all that a host is made of. */
  #hear(message: HostMessage): void {
    const length = logLength(message);
    if (length !== undefined && !this.#logLimit.take(length)) {
      // A failure is heard all the same: it is shorter without its stack.
      if (message.type === 'failed') {
        const { name, message: text } = message.error;
        this.#listener.message({ ...message, error: { name, message: text.slice(0, MAX_SHORT), stack: '' } });
      }
      return;
    }
    this.#complain();
    this.#listener.message(message);
  }

  #complain(last = false): void {
    const complaint = this.#logLimit.complaint(last);
    if (complaint !== undefined) this.#listener.message({ type: 'log', level: 'warn', ...complaint });
  }

  /** Only user code that meddles with the channel's descriptor can bring this about: the host is not ours any more. */
  #distrust(why: string): void {
    this.#distrusted ??= `it was killed, because ${why}`;
    this.kill();
  }

  #onChannelClosed(): void {
    this.#onDeaf();
    this.#settle();
  }

  #onDeaf(): void {
    if (this.#exit !== undefined) return;
    this.#exitTimer?.cancel();
    this.#exitTimer = this.#clock.after(EXIT_WINDOW_MS, () =>
      this.#distrust('it closed its control channel'),
    );
  }

  #onStartFailure({ message }: Error): void {
    this.#onExit({ code: null, signal: null, error: `it could not be started (${message})` });
  }

  #onExit(exit: HostExit): void {
    if (this.#exit !== undefined) return;
    this.#exit = this.#distrusted === undefined ? exit : { ...exit, error: this.#distrusted };
    // Processes that user code started and left behind are in the host's process group.
    this.kill();
    this.#exitTimer?.cancel();
    this.#exitTimer = this.#clock.after(EXIT_WINDOW_MS, () => {
      this.#drained = true;
      this.#channel?.close();
      this.#settle();
    });
    this.#channel?.hurry();
    for (const output of this.#outputs) output.drain();
    void Promise.all(this.#outputs.map(({ ended }) => ended)).then(() => {
      this.#drained = true;
      this.#settle();
    });
    this.#settle();
  }

  /** The end is told when the process is gone and everything that it said has been heard. */
  #settle(): void {
    if (this.#exit === undefined || this.#reported) return;
    if (this.#channel?.closed === false || !this.#drained) return;
    this.#reported = true;
    this.#exitTimer?.cancel();
    this.#complain(true);
    for (const output of this.#outputs) output.close();
    if (this.#started !== undefined) this.#surroundings.removeDirectory(this.#started.directory);
    const words = lastWords(this.#stderr?.lastLines ?? []);
    this.#listener.exited(words === undefined ? this.#exit : { ...this.#exit, lastWords: words });
  }
}

/** How long the line is that a message makes in the log; undefined when it makes none. */
function logLength(message: HostMessage): number | undefined {
  if (message.type === 'log') return message.text.length;
  if (message.type === 'failed') return message.error.message.length + message.error.stack.length;
  if (message.type === 'hook' && message.error !== undefined) return message.error.stack.length;
  return undefined;
}

/** What is worth telling of the last lines: V8's word for why it aborts, what was thrown, or simply the last ones. */
function lastWords(lines: readonly string[]): string | undefined {
  const fatal = lines.find((line) => /FATAL ERROR|# Fatal/.test(line));
  const thrown = lines.findLast((line) => /^[A-Za-z]*Error\b.*: /.test(line));
  const told = fatal ?? thrown ?? lines.slice(-3).join(' | ');
  return told === '' ? undefined : told.trim();
}
