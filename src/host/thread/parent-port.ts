import { parentPort } from 'node:worker_threads';

/** How often it is told how many messages were dropped, in milliseconds. */
const TELL_MS = 1_000;
const now = performance.now.bind(performance);

/**
 * Messages that user code sends through `parentPort` have nobody who listens: a flood of them would only fill the
 * host's memory and keep it from hearing orders. They are dropped, counted, and told of.
 *
 * @param onDrop called for each of them
 * @param tell called with how many were dropped since the last time, at most once a second
 * @returns the last word: tells of those that have not been told
 */
export function dropParentMessages(onDrop: () => void, tell: (count: number) => void): () => void {
  let dropped = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  const flush = () => {
    if (dropped === 0) return;
    toldAt = now();
    tell(dropped);
    dropped = 0;
  };
  if (parentPort !== null) {
    parentPort.postMessage = () => {
      dropped++;
      onDrop();
      if (now() - toldAt >= TELL_MS) flush();
    };
  }
  return flush;
}
