import { ProblemError } from '../errors.js';
import type { ErrorInfo } from '../host/host-message.js';
import type { Phase } from '../host/protocol.js';
import type { RestartRules } from '../schemas/restart-rules.js';
import type { FailureKind } from '../schemas/states.js';
import type { HostExit } from './host.js';
import type { RestartDecision } from './restart-policy.js';

/** Something failed: user code, or what runs it. */
export interface Failure {
  readonly kind: FailureKind;
  readonly problem: ProblemError;
  /** The worker that failed, where it was one. */
  readonly workerId?: number;
  /** No restart policy has a say in it any more. */
  readonly final?: boolean;
}

/** Why an incarnation ends. The first cause stands; a later one changes nothing. */
export type EndCause =
  | { kind: 'stop' }
  | { kind: 'completed' }
  | { kind: 'rollback'; problem: ProblemError }
  | { kind: 'failure'; failure: Failure };

/** What there is to say of a cause that is an error. */
export function problemOf(cause: EndCause): ProblemError | undefined {
  if (cause.kind === 'failure') return cause.failure.problem;
  return cause.kind === 'rollback' ? cause.problem : undefined;
}

/** How an incarnation ended, known once its host is dead. */
export interface Ending {
  readonly outcome: 'stopped' | 'completed' | 'failed';
  readonly cause: EndCause;
  /** False when the host had to be killed or died while it was stopping. */
  readonly success: boolean;
  /** Workers that had to be killed, alone or with the host, once the end was asked. */
  readonly killed: readonly number[];
  /** From the wish to end to the death, in seconds. */
  readonly seconds: number;
  /** How long every worker had been started when the end began, in seconds; 0 when it never came to that. */
  readonly ranSeconds: number;
  readonly reason: string | null;
}

const OF_PHASE: Readonly<Record<Phase, readonly [FailureKind, ProblemError['code']]>> = {
  module: ['start', 'module_failed'],
  init: ['start', 'init_failed'],
  setup: ['start', 'setup_failed'],
  iteration: ['exception', 'worker_failed'],
  teardown: ['exception', 'worker_failed'],
  hooks: ['exception', 'worker_failed'],
  exit: ['exit', 'worker_failed'],
  heap: ['memory', 'worker_failed'],
  stall: ['stall', 'worker_failed'],
  feed: ['start', 'feed_failed'],
};

/** What happened in user code, as the failure that it makes for its group. */
export function failureOf(
  group: string,
  phase: Phase,
  workerId: number | undefined,
  error: ErrorInfo,
): Failure {
  const [kind, code] = OF_PHASE[phase];
  const problem = new ProblemError(code, describeFailure(group, phase, workerId, error));
  return { kind, problem, ...(workerId !== undefined && { workerId }) };
}

function describeFailure(
  group: string,
  phase: Phase,
  workerId: number | undefined,
  { message }: ErrorInfo,
): string {
  if (workerId !== undefined) {
    // Of these three the host says itself what happened.
    if (phase === 'exit' || phase === 'heap' || phase === 'stall') return `Worker ${workerId} ${message}`;
    return `Exception in worker ${workerId}${phase === 'iteration' ? '' : ` (${phase})`}: ${message}`;
  }
  if (phase === 'module') return `The module of group "${group}" failed: ${message}`;
  if (phase === 'feed') return `The feed of group "${group}" could not be opened: ${message}`;
  if (phase === 'hooks') return `Exception in the hooks thread of group "${group}": ${message}`;
  return `The ${phase} hook of group "${group}" failed: ${message}`;
}

/** What V8 writes when it gives up for want of memory, and no error can be thrown any more. */
const OUT_OF_MEMORY = /FATAL ERROR: .*(heap out of memory|Allocation failed)|# Fatal .*out of memory/;

/** The end of a host that nobody asked for, or that did not go as it should. */
export function failureOfExit(
  group: string,
  exit: HostExit,
  stopping: boolean,
  heapMb: number | null,
): Failure {
  const how =
    exit.error ??
    (exit.signal === null ? `it exited with code ${exit.code}` : `it was ended by ${exit.signal}`);
  // Whoever wrote it, the system's killer and a user's signal are something else.
  const aborted = exit.error === undefined && exit.signal !== 'SIGKILL' && exit.signal !== 'SIGTERM';
  const outOfMemory = aborted && OUT_OF_MEMORY.test(exit.lastWords ?? '');
  const limit = heapMb === null ? '' : `: a worker went over its heap limit of ${heapMb} MiB (limits.heapMb)`;
  const words = exit.lastWords ? `. Its last words: ${exit.lastWords}` : '';
  const detail = `The host of group "${group}" died${stopping ? ' while it was stopping' : ''}: ${how}${outOfMemory ? limit : ''}${words}`;
  return { kind: outOfMemory ? 'memory' : 'host', problem: new ProblemError('host_failed', detail) };
}

/** The failure after which there is no further try, with what is to be said about that. */
export function givenUp(
  failure: Failure,
  { why }: RestartDecision & { restart: false },
  { maxRestarts, windowSeconds }: RestartRules,
): Failure {
  if (why === 'policy') return { ...failure, final: true };
  const { code, message } = failure.problem;
  const spent =
    maxRestarts === 0
      ? 'no restarts are allowed'
      : `${maxRestarts === 1 ? '1 restart' : `${maxRestarts} restarts`} within ${windowSeconds} s of running did not help`;
  return {
    ...failure,
    problem: new ProblemError(code, `${message}; it is given up: ${spent}`),
    final: true,
  };
}
