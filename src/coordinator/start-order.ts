/** A group, as far as the order of starts is concerned. */
export interface Ordered {
  readonly name: string;
  /** Names of the groups that have to run first. */
  readonly after: readonly string[];
}

/**
 * The groups in steps: each step may begin when the one before it is done. Within a step the order given is kept.
 * Names that are not among the groups count for nothing.
 */
export function inSteps<T extends Ordered>(groups: readonly T[]): T[][] {
  const steps: T[][] = [];
  let left = [...groups];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ name }) => name));
    const ready = left.filter(({ after }) => !after.some((name) => waiting.has(name)));
    // Registration refuses cycles; should one come through all the same, its groups start together.
    const step = ready.length > 0 ? ready : left;
    steps.push(step);
    left = left.filter((group) => !step.includes(group));
  }
  return steps;
}

/** A cycle that goes through the group `name`, as the names along it, or undefined. */
export function findCycle(groups: readonly Ordered[], name: string): string[] | undefined {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const seen = new Set<string>();
  const search = (path: string[]): string[] | undefined => {
    for (const next of byName.get(path.at(-1) ?? '')?.after ?? []) {
      if (next === name) return [...path, next];
      if (seen.has(next)) continue;
      seen.add(next);
      const found = search([...path, next]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return search([name]);
}
