import { closeSync } from 'node:fs';
import { unboundThreadHeaps } from './own-heap.js';

/**
 * Entry of a host process. Started by the control plane with its ends of the channel, its title, how many threads it is to
 * have ready, and the descriptors that it has inherited and has to close.
 */

const [, , title = '', ready, ...inherited] = process.argv;
process.title = title.trim();

// What the service itself was started with is no business of user code.
for (const fd of inherited) {
  try {
    closeSync(Number(fd));
  } catch {
    // The service has closed it meanwhile.
  }
}

// Before all else is loaded: as long as V8 has other flags than Node was built with, it compiles Node's own modules anew.
unboundThreadHeaps();

const { ThreadSupply } = await import('./thread-supply.js');
// They come up while the rest of the host is being loaded: that takes as long as they do.
const threads = new ThreadSupply(Number(ready));
const { runHost } = await import('./run-host.js');
runHost(threads);
