import type { GroupSpec } from '../schemas/group-spec.js';
import type { DesiredState, Origin } from '../schemas/states.js';

/** What is kept of a group over the end of the service. */
export interface Registration {
  readonly spec: GroupSpec;
  /** Ids by index; as many as the spec has workers. */
  readonly workerIds: readonly number[];
  /** Place in the order of registration: ascending, with gaps. */
  readonly order: number;
  readonly desired: DesiredState;
  readonly origin: Origin;
  /** It has done its work, and nobody has started it since. */
  readonly completed: boolean;
}

/** What is to be kept of a group from now on; without a registration, nothing. */
export interface Change {
  readonly name: string;
  readonly registration?: Registration;
}

/** Where registrations are kept. The domain does not know how. */
export interface GroupStore {
  /**
   * Makes all of these changes durable, or none. When it rejects, what was kept before is kept still, as far as the
   * storage lets it. Never called for one group twice at the same time.
   */
  write(changes: readonly Change[]): Promise<void>;
  /** Tries once more to make true what was answered where a write has failed, and its undoing as well. Never rejects. */
  settle(): Promise<void>;
  /** Ids from `next` on have not been given out, and those below it never will be again. */
  reserveIds(next: number): Promise<void>;
}

/** What a store had kept when the service began. */
export interface Kept {
  /** In order of registration. */
  readonly registrations: readonly Registration[];
  readonly nextWorkerId: number;
}
