import type { Clock } from '../clock.js';
import type { Coordinator } from '../coordinator/coordinator.js';
import type { Group } from '../coordinator/group.js';
import type { GroupSummary, ServiceEvent } from '../schemas/service-event.js';

/** An event without the time, which is the same for all kinds. */
type Untimed<E> = E extends unknown ? Omit<E, 'at'> : never;

/** Hands over what the coordinator tells as the events that clients see: the one source of streams and of the log. */
export function recordEvents(
  coordinator: Coordinator,
  clock: Clock,
  record: (event: ServiceEvent) => void,
): void {
  const { events } = coordinator;
  const note = (event: Untimed<ServiceEvent>) =>
    record({ ...event, at: clock.date().toISOString() } as ServiceEvent);
  const summary = (name: string) => groupSummary(coordinator.get(name));

  events.on('registered', ({ group }) => note({ type: 'registered', group, summary: summary(group) }));
  events.on('changed', ({ group }) => note({ type: 'changed', group, summary: summary(group) }));
  events.on('deleted', ({ group }) => note({ type: 'deleted', group }));
  events.on('desired', (event) => note({ type: 'desired', ...event }));
  events.on('transition', ({ group, from, to, reason }) => {
    const { desired } = coordinator.get(group);
    note({ type: 'transition', group, from, to, desired, reason });
  });
  events.on('failed', ({ group, failure: { kind, workerId, reason } }) =>
    note({ type: 'failed', group, workerId: workerId ?? null, kind, reason }),
  );
  events.on('restarted', ({ group, workerId, reason }) =>
    note({ type: 'restarted', group, workerId: workerId ?? null, reason }),
  );
  events.on('stalled', (event) => note({ type: 'stalled', ...event }));
  events.on('killed', ({ group, workerIds }) => note({ type: 'killed', group, workerIds: [...workerIds] }));
  events.on('scaled', (event) => note({ type: 'scaled', ...event }));
  events.on('criticalFailure', (event) => note({ type: 'criticalFailure', ...event }));
  events.on('notKept', ({ groups, error }) => {
    const reason = error instanceof Error ? error.message : String(error);
    for (const group of groups) note({ type: 'notKept', group, reason });
  });
  events.on('closing', () => note({ type: 'closing' }));
  events.on('closed', (event) => note({ type: 'closed', ...event }));
}

/** A group as events tell of it. */
export function groupSummary(group: Group): GroupSummary {
  const { name, state, desired, reason } = group;
  const workers = group.workers().map(({ id, index, state }) => ({ id, index, state }));
  return { name, state, desired, reason, workers };
}
