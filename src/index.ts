/** Types for authors of worker modules and loggers. */
export type * from './worker-module.js';
