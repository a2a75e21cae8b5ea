import type { GroupState } from '../../schemas/states.js';

export const COMMANDS = ['start', 'stop', 'restart', 'scale', 'delete'] as const;
export type Command = (typeof COMMANDS)[number];

/** Whether the command would do anything to a group in this state. A stop also ends a start that is under way. */
export function isPossible(command: Command, state: GroupState): boolean {
  const atWork = state === 'starting' || state === 'running' || state === 'backoff';
  switch (command) {
    case 'start':
      return state !== 'running' && state !== 'starting' && state !== 'stopping';
    case 'stop':
      return atWork;
    case 'restart':
      return state === 'running' || state === 'backoff';
    case 'scale':
    case 'delete':
      return true;
  }
}

/** What somebody most likely wants to do with a group in this state. */
export function mainCommand(state: GroupState): 'start' | 'stop' {
  return state === 'stopping' || isPossible('stop', state) ? 'stop' : 'start';
}

/** Whether the state itself says that the command is under way. */
export function isGoingOn(command: Command, state: GroupState): boolean {
  return (command === 'start' && state === 'starting') || (command === 'stop' && state === 'stopping');
}

/** What is under way, for people who wait for it. */
export const UNDER_WAY: Readonly<Record<Command, string>> = {
  start: 'starting …',
  stop: 'stopping …',
  restart: 'restarting …',
  scale: 'scaling …',
  delete: 'deleting …',
};
