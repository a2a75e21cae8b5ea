import type { HostMessage } from '../host/host-message.js';
import type { Phase } from '../host/protocol.js';
import type { LogLevel } from '../schemas/states.js';

/** What a host has to say to people. */
export interface HostLine {
  readonly level: LogLevel;
  /** Undefined for what is of no single worker. */
  readonly workerId: number | undefined;
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Where not user code failed, but the host has found something. */
const SELF_TOLD: readonly Phase[] = ['exit', 'heap', 'stall'];

/** The line that a message of a host makes in the logs; undefined when it makes none. */
export function hostLine(message: HostMessage): HostLine | undefined {
  if (message.type === 'log') {
    const { level, workerId, text, fields } = message;
    return { level, workerId, text, ...(fields && { fields }) };
  }
  if (message.type === 'failed') {
    const { phase, workerId, error } = message;
    // Of these the host says itself what happened.
    const text = SELF_TOLD.includes(phase)
      ? `worker ${workerId} ${error.message}`
      : `${error.name}: ${error.message}`;
    return { level: 'error', workerId, text, fields: { phase, stack: error.stack } };
  }
  if (message.type === 'hook' && message.state === 'failed') {
    const { hook, error } = message;
    const text = `the ${hook} hook failed: ${error?.message}`;
    return { level: 'error', workerId: undefined, text, fields: { hook, stack: error?.stack } };
  }
  return undefined;
}
