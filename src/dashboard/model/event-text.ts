import type { ServiceEvent } from '../../schemas/service-event.js';
import { FAILURES, type RestartReason } from '../../schemas/states.js';
import { type Tone, toneOf } from './tone.js';

/** An event for people. */
export interface Told {
  /** Null: the service as a whole. */
  readonly group: string | null;
  readonly text: string;
  readonly tone: Tone;
}

/** What to say of an event; undefined of one that is nothing new. */
export function eventText(event: ServiceEvent): Told | undefined {
  switch (event.type) {
    case 'snapshot':
      return undefined;
    case 'registered':
      return about(event, 'registered');
    case 'changed':
      return about(event, 'its spec was changed');
    case 'deleted':
      return about(event, 'deleted');
    case 'desired':
      return about(event, `is to be ${event.desired}`);
    case 'transition': {
      const { to, reason } = event;
      // Why it stops, has failed or waits for its next start was told by what it is for.
      const told = reason === null || to === 'stopping' || to === 'failed' || to === 'backoff';
      const text = told ? to : `${to}: ${reason}`;
      return about(event, text, toneOf(to));
    }
    case 'failed':
      return about(event, event.reason, 'bad');
    case 'restarted':
      return about(event, `${who(event.workerId)} starts again (${before(event.reason)})`, 'busy');
    case 'stalled':
      return about(event, `worker ${event.workerId} stalls`, 'bad');
    case 'killed':
      return about(event, `killed: worker ${event.workerIds.join(', ')}`, 'bad');
    case 'scaled':
      return about(event, `scaled to ${event.workers}`);
    case 'criticalFailure':
      return about(event, `critical group has failed for good: ${event.reason}`, 'bad');
    case 'notKept':
      return about(event, `could not be written to the state directory: ${event.reason}`, 'bad');
    case 'closing':
      return { group: null, text: 'the service ends: it stops all groups', tone: 'busy' };
    case 'closed':
      return { group: null, text: 'all groups have ended', tone: 'quiet' };
    default:
      // Of a service that is newer than this page.
      return undefined;
  }
}

function about({ group }: { group: string }, text: string, tone: Tone = 'quiet'): Told {
  return { group, text, tone };
}

function before(reason: RestartReason): string {
  return reason === 'completed' ? 'it had completed' : FAILURES[reason].replaceAll('`', '');
}

function who(workerId: number | null): string {
  return workerId === null ? 'the group' : `worker ${workerId}`;
}
