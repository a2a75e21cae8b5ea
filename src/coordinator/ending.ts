import { ProblemError } from '../errors.js';
import type { ErrorInfo } from '../host/host-message.js';
import type { Phase } from '../host/protocol.js';
import type { HostExit } from './host.js';

/** Why an incarnation ends. The first cause stands; a later one changes nothing. */
export type EndCause =
  | { kind: 'stop' }
  | { kind: 'completed' }
  | { kind: 'rollback'; problem: ProblemError }
  | { kind: 'failure'; problem: ProblemError };

/** How an incarnation ended, known once its host is dead. */
export interface Ending {
  readonly outcome: 'stopped' | 'completed' | 'failed';
  readonly cause: EndCause;
  /** False when the host had to be killed or died while it was stopping. */
  readonly success: boolean;
  /** Workers that had not ended when the host was killed. */
  readonly killed: readonly number[];
  /** From the wish to end to the death, in seconds. */
  readonly seconds: number;
  readonly reason: string | null;
}

const PROBLEM_OF_PHASE = {
  module: 'module_failed',
  init: 'init_failed',
  setup: 'setup_failed',
  iteration: 'worker_failed',
  teardown: 'worker_failed',
  hooks: 'worker_failed',
} as const;

/** What user code threw, as the problem that it makes for its group. */
export function failureOf(
  group: string,
  phase: Phase,
  workerId: number | undefined,
  error: ErrorInfo,
): ProblemError {
  return new ProblemError(PROBLEM_OF_PHASE[phase], describeFailure(group, phase, workerId, error));
}

function describeFailure(
  group: string,
  phase: Phase,
  workerId: number | undefined,
  { message }: ErrorInfo,
): string {
  if (workerId !== undefined)
    return `Exception in worker ${workerId}${phase === 'iteration' ? '' : ` (${phase})`}: ${message}`;
  if (phase === 'module') return `The module of group "${group}" failed: ${message}`;
  if (phase === 'hooks') return `Exception in the hooks thread of group "${group}": ${message}`;
  return `The ${phase} hook of group "${group}" failed: ${message}`;
}

/** The end of a host that nobody asked for, or that did not go as it should. */
export function describeExit(group: string, exit: HostExit, stopping: boolean): string {
  const how =
    exit.error ??
    (exit.signal === null ? `it exited with code ${exit.code}` : `it was ended by ${exit.signal}`);
  return `The host of group "${group}" died${stopping ? ' while it was stopping' : ''}: ${how}`;
}
