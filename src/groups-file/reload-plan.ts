import { isDeepStrictEqual } from 'node:util';
import type { GroupSpec } from '../schemas/group-spec.js';
import type { ReloadAction } from '../schemas/reload-report.js';
import type { Origin } from '../schemas/states.js';

/** A group that there is, as far as a reload asks. */
export interface PresentGroup {
  readonly name: string;
  readonly spec: GroupSpec;
  readonly origin: Origin;
  /** What its process was started with; undefined without one. */
  readonly runningSpec: GroupSpec | undefined;
  /** Whether it should run and does, will in a moment, or has failed: then another spec starts it again. */
  readonly atWork: boolean;
}

/** What is to be done with one group. */
export interface PlannedGroup {
  readonly name: string;
  readonly action: ReloadAction;
  /** Fields of the spec that differ. */
  readonly changes: readonly (keyof GroupSpec)[];
  /** Whether it is started by this. */
  readonly starts: boolean;
  /** What the file says of it; undefined when that is nothing. */
  readonly spec: GroupSpec | undefined;
  readonly reason: string | null;
}

/** These change while a group runs. */
const LIVE: readonly (keyof GroupSpec)[] = ['labels', 'autostart', 'after', 'critical', 'workers'];

/**
 * What makes the groups that there are into those of the file: first the groups of the file, in its order, then those
 * that go. Groups that were registered over REST are never touched.
 */
export function planReload(file: readonly GroupSpec[], present: readonly PresentGroup[]): PlannedGroup[] {
  const byName = new Map(present.map((group) => [group.name, group]));
  const wanted = new Set(file.map(({ name }) => name));
  const removed = present.filter(({ name, origin }) => origin === 'file' && !wanted.has(name));
  return [
    ...file.map((spec) => plan(spec, byName.get(spec.name))),
    ...removed.map(({ name }) => planned(name, 'removed')),
  ];
}

function plan(spec: GroupSpec, present: PresentGroup | undefined): PlannedGroup {
  const { name } = spec;
  if (present === undefined) return planned(name, 'created', { spec, starts: spec.autostart });
  if (present.origin !== 'file') {
    const reason = `Group "${name}" was registered over REST and is left alone. Delete it there, or give one of them another name.`;
    return planned(name, 'conflict', { reason });
  }
  const { runningSpec = present.spec, atWork } = present;
  // What runs may be as the file says although the spec is not: a change over REST that has not come into force.
  if (atWork && differences(runningSpec, spec).some((field) => !LIVE.includes(field))) {
    const changes = [...new Set([...differences(present.spec, spec), ...differences(runningSpec, spec)])];
    return planned(name, 'restarted', { spec, changes, starts: true });
  }
  const changes = differences(present.spec, spec);
  return planned(name, changes.length > 0 ? 'changed' : 'unchanged', { spec, changes });
}

function planned(name: string, action: ReloadAction, more: Partial<PlannedGroup> = {}): PlannedGroup {
  return { name, action, changes: [], starts: false, spec: undefined, reason: null, ...more };
}

function differences(before: GroupSpec, after: GroupSpec): (keyof GroupSpec)[] {
  const fields = Object.keys(after) as (keyof GroupSpec)[];
  return fields.filter((field) => !isDeepStrictEqual(before[field], after[field]));
}
