import { MessageChannel } from 'node:worker_threads';

const { port1, port2 } = new MessageChannel();
port2.close();
port1.unref();

/**
 * Gives the memory back now. Buffers that came from workers would otherwise wait for a garbage collection, which has
 * no reason to hurry: to V8 they are a few objects. What is sent to a port whose other end is closed is freed at
 * once; Node 20 has no `ArrayBuffer.prototype.transfer`.
 */
export function release(buffer: ArrayBuffer): void {
  if (buffer.byteLength > 0) port1.postMessage(null, [buffer]);
}
