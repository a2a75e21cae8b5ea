export { emptyAsync as default } from '../functions.mjs';
export { setup, teardown } from './clocked.mjs';
