import { useLayoutEffect, useState } from 'preact/hooks';
import type { Changes } from '../state/changes.js';

/** Draws the component anew whenever one of these has changed. */
export function useChanges(...all: readonly Changes[]): void {
  const [, draw] = useState(0);
  // These are the dependencies. Before anything else can happen: what changed until then would not be drawn.
  useLayoutEffect(() => {
    const ends = all.map((one) => one.subscribe(() => draw((n) => n + 1)));
    return () => {
      for (const end of ends) end();
    };
  }, all);
}
