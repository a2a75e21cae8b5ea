import type { FieldError } from '../errors.js';
import type { GroupSpec } from '../schemas/group-spec.js';

/**
 * What is wrong with a spec by itself that its schema cannot say.
 * @param maxWorkers the cap of the service on workers; undefined where it is not known
 */
export function specMistakes(spec: GroupSpec, maxWorkers?: number): FieldError[] {
  const errors: FieldError[] = [];
  if (maxWorkers !== undefined && spec.workers > maxWorkers) {
    const detail = `must be at most ${maxWorkers}, the cap of this service (PW_MAX_WORKERS)`;
    errors.push({ pointer: '/workers', detail });
  }
  if (spec.buckets.some((bound, i) => i > 0 && bound <= (spec.buckets[i - 1] ?? 0)))
    errors.push({ pointer: '/buckets', detail: 'must be strictly ascending' });
  return errors;
}

/** What is said of a group that is part of a cycle. */
export function cycleMistake(cycle: readonly string[]): string {
  return `makes a cycle, in which none could start first: ${cycle.join(' after ')}`;
}
