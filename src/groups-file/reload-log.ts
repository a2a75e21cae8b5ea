import type { FastifyBaseLogger } from 'fastify';
import { ProblemError } from '../errors.js';
import type { ReloadReport } from '../schemas/reload-report.js';
import { describeMistake } from './mistake.js';

/** Writes what a reload has done to the log: a line in all, and one for each group that needs somebody's attention. */
export function logReload({ groups, warnings }: ReloadReport, log: FastifyBaseLogger): void {
  const counts = new Map<string, number>();
  for (const { action } of groups) counts.set(action, (counts.get(action) ?? 0) + 1);
  const told = [...counts].map(([action, count]) => `${count} ${action}`).join(', ');
  log.info({ actions: Object.fromEntries(counts) }, `groups file: ${told || 'no groups'}`);
  for (const { name, action, changes, success, reason } of groups) {
    if (action === 'unchanged') continue;
    const fields = { group: name, action, ...(changes.length > 0 && { changes }) };
    if (success)
      log.info(fields, `groups file: group ${name} ${action}${reason === null ? '' : `: ${reason}`}`);
    else if (action === 'conflict') log.warn(fields, `groups file: ${reason}`);
    else log.warn(fields, `groups file: group ${name} not ${action}: ${reason}`);
  }
  for (const warning of warnings) log.warn(describeMistake('groups file', warning));
}

/** Writes to the log why nothing was reloaded. */
export function logRefusal(error: unknown, log: FastifyBaseLogger): void {
  if (!(error instanceof ProblemError)) log.error({ err: error }, 'groups file: the reload failed');
  else if (error.code === 'groups_file_invalid') log.error({ errors: error.errors }, error.message);
  else log.warn(error.message);
}
