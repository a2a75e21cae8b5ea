import type { HostMessage } from '../host/host-message.js';
import type { DesiredState, GroupState, RestartReason } from '../schemas/states.js';
import type { Ending } from './ending.js';
import type { FailureRecord } from './group-record.js';

/** What the coordinator tells whoever listens. Each happens after the fact. */
export interface CoordinatorEvents {
  /** A group is new. Not told of those that were kept from an earlier life of the service. */
  registered: { group: string };
  /** A group has got another spec. */
  changed: { group: string };
  /** A group is dead and forgotten. */
  deleted: { group: string };
  /** Something else is wanted of a group than before. */
  desired: { group: string; desired: DesiredState };
  /** A group moved from one state to another. */
  transition: { group: string; from: GroupState; to: GroupState; reason: string | null };
  /** A command has made every start of the group void that is under way. */
  beaten: { group: string };
  /** A group's host is dead; `servedFeed`: what is left of its feed's socket may go. */
  ended: { group: string; ending: Ending; servedFeed: boolean };
  /** Something failed: a worker alone, or the whole group. */
  failed: { group: string; failure: FailureRecord };
  /** What had ended is being started again by the restart policy: one worker, or the whole group. */
  restarted: { group: string; workerId: number | undefined; reason: RestartReason };
  /** A call of a worker takes too long. */
  stalled: { group: string; workerId: number };
  /** Workers were ended by force, alone or with their host. */
  killed: { group: string; workerIds: readonly number[] };
  /** The number of workers of a group that runs has changed. */
  scaled: { group: string; workers: number };
  /** A group that the service cannot do without has failed for good. */
  criticalFailure: { group: string; reason: string };
  /** What has become of these groups by itself could not be written: the next command on them writes it. */
  notKept: { groups: readonly string[]; error: unknown };
  /** The service has begun to end. */
  closing: object;
  /** All groups have ended with the service. */
  closed: { success: boolean; seconds: number };
  /** A host said something, counters and log lines included. */
  message: { group: string; message: HostMessage };
}

type Listener<E> = (event: E) => void;

/** Typed events. A listener that throws is reported to `onError` and disturbs nobody else. */
export class Events<EventMap extends object> {
  readonly #listeners = new Map<keyof EventMap, Set<Listener<never>>>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Returns the function that takes the listener off again. */
  on<K extends keyof EventMap>(name: K, listener: Listener<EventMap[K]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  emit<K extends keyof EventMap>(name: K, event: EventMap[K]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as Listener<EventMap[K]>)(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
