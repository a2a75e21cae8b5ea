import { spin } from '../functions.mjs';

export { setup, teardown } from './clocked.mjs';

export default function worker(_workerId, { params }) {
  spin(params.steps);
}
