import type { FastifyBaseLogger } from 'fastify';
import type { HostMessage } from './host/host-message.js';
import { hostLine } from './logs/host-line.js';
import type { ServiceEvent } from './schemas/service-event.js';

/** Writes an event to the log of the service: what is in the event is in the line. */
export function logEvent(event: ServiceEvent, log: FastifyBaseLogger): void {
  const { type, at: _, ...told } = event;
  const fields = { event: type, ...withoutNulls(told) };
  switch (event.type) {
    case 'transition': {
      const level = event.to === 'failed' ? 'error' : event.to === 'backoff' ? 'warn' : 'info';
      log[level](fields, `group ${event.group}: ${event.to}`);
      break;
    }
    case 'failed':
      log.warn(fields, event.reason);
      break;
    case 'restarted': {
      const what = event.workerId === null ? 'the group' : `worker ${event.workerId}`;
      log.info(fields, `${what} starts again`);
      break;
    }
    case 'registered':
    case 'changed':
    case 'deleted':
      log.info({ event: type, group: event.group }, `group ${event.group}: ${type}`);
      break;
    case 'desired':
      log.info(fields, `group ${event.group}: is to be ${event.desired}`);
      break;
    case 'stalled':
      log.warn(fields, `worker ${event.workerId} stalls`);
      break;
    case 'killed':
      log.warn(fields, `group ${event.group}: workers were killed`);
      break;
    case 'scaled':
      log.info(fields, `group ${event.group}: scaled to ${event.workers}`);
      break;
    case 'criticalFailure':
      // Not as fatal: that is written at once, past lines that are still on their way.
      log.error(fields, `critical group ${event.group} has failed for good`);
      break;
    case 'notKept':
      log.error(
        fields,
        `what has become of group ${event.group} could not be written to the state directory`,
      );
      break;
    case 'closed':
      log.info(fields, 'all groups have ended');
      break;
    case 'closing':
      log.info(fields, 'the service ends: it stops all groups');
      break;
    case 'snapshot':
      break;
  }
}

/** Writes what a host and its workers say to the log of the service, with the name of the group. */
export function logMessage(group: string, message: HostMessage, log: FastifyBaseLogger): void {
  const line = hostLine(message);
  if (line === undefined) return;
  const { level, workerId, text, fields } = line;
  const of = { group, ...(workerId !== undefined && { workerId }) };
  if (message.type === 'log') log[level]({ ...of, ...(fields && { fields }) }, text);
  else log[level]({ ...of, ...fields }, text);
}

function withoutNulls(fields: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
