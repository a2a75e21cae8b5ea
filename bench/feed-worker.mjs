// Puts items for bench/feed.mjs; and writes pieces that are made in the same way to whoever connects to a plain socket,
// for comparison.

import { createServer } from 'node:net';

export function setup(_workerId, ctx) {
  const { raw, bytes, idle } = ctx.params;
  if (!idle) return;
  const size = Math.max(bytes, 64 * 1024);
  const server = createServer((socket) => {
    const write = () => {
      while (socket.write(make(size)));
    };
    socket.on('drain', write);
    socket.on('error', () => {});
    write();
  });
  server.listen(raw);
  ctx.signal.addEventListener('abort', () => server.close());
}

export default async function worker(_workerId, ctx) {
  if (ctx.params.idle) return ctx.sleep(1);
  await ctx.put(make(ctx.params.bytes));
}

/** Filled: memory that nobody has touched costs its reader nothing, and what workers make is never that. */
function make(bytes) {
  return new Uint8Array(bytes).fill(1);
}
