import type { RestartReason } from '../schemas/states.js';

/**
 * A wish to start. It holds until a later stop, restart, replacement or removal of the group, or the end of the service:
 * whoever waits asks it before acting.
 */
export interface StartTicket {
  readonly valid: boolean;
}

/** How a life of a group begins. */
export interface Launch {
  readonly ticket: StartTicket;
  /** It is part of a start of several: should that fail as a whole, none of them is tried again. */
  readonly together: boolean;
  /** Set when the restart policy starts it: what it comes after. */
  readonly restartAfter?: RestartReason;
}
