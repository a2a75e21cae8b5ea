/** What authors of worker modules and loggers use. */
export { type Tensor, type TensorType, tensors } from './tensors.js';
export type * from './worker-module.js';
