import type { GroupStatus } from '../../schemas/group-status.js';

type Known = Pick<GroupStatus, 'name' | 'state' | 'reason'>;

/** More than that in one breath nobody listens to. */
const MOST = 3;

/** What to tell of the groups whose state has changed, for who cannot see it; empty: nothing. */
export function announcement(before: readonly Known[], after: readonly Known[]): string {
  const was = new Map(before.map(({ name, state }) => [name, state]));
  const is = new Set(after.map(({ name }) => name));
  const told = [
    ...after
      .filter(({ name, state }) => was.get(name) !== state)
      .map(({ name, state, reason }) => `${name} is ${state}${reason === null ? '' : `: ${reason}`}`),
    ...before.filter(({ name }) => !is.has(name)).map(({ name }) => `${name} is deleted`),
  ];
  const more = told.length - MOST;
  return [...told.slice(0, MOST), ...(more > 0 ? [`${more} more have changed`] : [])].join('. ');
}
