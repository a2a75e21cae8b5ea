// Puts items for bench/feed.mjs; and writes the same bytes to whoever connects to a plain socket, for comparison.

import { createServer } from 'node:net';

export function setup(_workerId, ctx) {
  const { raw, bytes } = ctx.params;
  if (ctx.index > 0) return;
  const piece = Buffer.alloc(Math.max(bytes, 64 * 1024), 1);
  const server = createServer((socket) => {
    const write = () => {
      while (socket.write(piece));
    };
    socket.on('drain', write);
    socket.on('error', () => {});
    write();
  });
  server.listen(raw);
  ctx.signal.addEventListener('abort', () => server.close());
}

export default async function worker(_workerId, ctx) {
  if (ctx.params.bytes === 0) return ctx.sleep(1);
  // Filled: memory that nobody has touched costs its reader nothing, and what workers make is never that.
  const item = new Uint8Array(ctx.params.bytes).fill(ctx.iteration);
  await ctx.put(item);
}
