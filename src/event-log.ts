import type { FastifyBaseLogger } from 'fastify';
import type { CoordinatorEvents, Events } from './coordinator/events.js';
import type { Phase } from './host/protocol.js';

/** Where not user code failed, but the host has found something. */
const SELF_TOLD: readonly Phase[] = ['exit', 'heap', 'stall'];

/** Writes what happens to groups, and what their workers log, to the log of the service. */
export function logEvents(events: Events<CoordinatorEvents>, log: FastifyBaseLogger): void {
  events.on('transition', ({ group, from, to, reason }) => {
    const level = to === 'failed' ? 'error' : to === 'backoff' ? 'warn' : 'info';
    log[level]({ group, from, to, ...(reason !== null && { reason }) }, `group ${group}: ${to}`);
  });
  events.on('ended', ({ group, ending }) => {
    if (ending.killed.length > 0)
      log.warn({ group, killed: ending.killed }, `group ${group}: workers were killed`);
  });
  events.on('failed', ({ group, failure: { kind, workerId, reason } }) => {
    if (workerId !== undefined) log.warn({ group, workerId, kind }, reason);
  });
  events.on('restarted', ({ group, workerId, reason }) => {
    const what = workerId === undefined ? 'the group' : `worker ${workerId}`;
    log.info({ group, ...(workerId !== undefined && { workerId }), reason }, `${what} starts again`);
  });
  events.on('scaled', ({ group, workers }) => {
    log.info({ group, workers }, `group ${group}: scaled to ${workers}`);
  });
  events.on('criticalFailure', ({ group, reason }) => {
    // Not as fatal: that is written at once, past lines that are still on their way.
    log.error({ group, reason }, `critical group ${group} has failed for good`);
  });
  events.on('notKept', ({ groups, error }) => {
    log.error(
      { groups, err: error },
      'what has become of groups could not be written to the state directory',
    );
  });
  events.on('message', ({ group, message }) => {
    if (message.type === 'log') {
      const { level, text, workerId, fields } = message;
      log[level]({ group, ...(workerId !== undefined && { workerId }), ...(fields && { fields }) }, text);
    } else if (message.type === 'failed') {
      const { phase, workerId, error } = message;
      log.error(
        { group, phase, ...(workerId !== undefined && { workerId }), stack: error.stack },
        // Of these the host says itself what happened.
        SELF_TOLD.includes(phase) ? `worker ${workerId} ${error.message}` : `${error.name}: ${error.message}`,
      );
    } else if (message.type === 'ended' && message.killed) {
      log.warn({ group, workerId: message.workerId }, `worker ${message.workerId} was killed`);
    } else if (message.type === 'hook' && message.state === 'failed') {
      log.error(
        { group, hook: message.hook, stack: message.error?.stack },
        `the ${message.hook} hook failed: ${message.error?.message}`,
      );
    }
  });
}
