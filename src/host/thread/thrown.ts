import type { ErrorInfo } from '../host-message.js';
import { grantAdvice } from './denied.js';

const MAX_NAME = 200;
const MAX_MESSAGE = 2_000;
const MAX_STACK = 8_000;

/**
 * Makes data of whatever was thrown. User code can throw anything: null, a Proxy, an object whose getters throw;
 * none of it may throw here.
 */
export function describeThrown(thrown: unknown): ErrorInfo {
  return {
    name: (read(thrown, 'name') ?? 'Error').slice(0, MAX_NAME),
    message: messageOf(thrown).slice(0, MAX_MESSAGE),
    stack: (read(thrown, 'stack') ?? '').slice(0, MAX_STACK),
  };
}

function messageOf(thrown: unknown): string {
  const message = read(thrown, 'message') ?? asText(thrown);
  const advice = grantAdvice(codeOf(thrown), read(thrown, 'permission'), read(thrown, 'resource'));
  return advice === undefined
    ? message
    : `${message.replace(/ Use --allow-\S+ to manage permissions\./, '')} ${advice}`;
}

/** Whether the thrown value is an error of this name; `instanceof` would run the traps of a Proxy. */
export function isNamed(thrown: unknown, name: string): boolean {
  return read(thrown, 'name') === name;
}

/** Its stack, where it has one that is text. */
export function stackOf(thrown: unknown): string {
  return read(thrown, 'stack') ?? '';
}

function read(thrown: unknown, key: string): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  try {
    const value = (thrown as Record<string, unknown>)[key];
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Any value as text; a value of user code may refuse. */
export function asText(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'a value that cannot be shown';
  }
}

/** Its error code, where it has one that is text. */
export function codeOf(thrown: unknown): string | undefined {
  return read(thrown, 'code');
}
