// Puts items for the feed benchmark; and writes pieces that are made in the same way to whoever connects to a plain socket,
// for comparison.

import { createServer } from 'node:net';

export function setup(_workerId, ctx) {
  const { raw, bytes } = ctx.params;
  if (raw === undefined) return;
  const size = Math.max(bytes, 64 * 1024);
  const spare = [];
  const server = createServer((socket) => {
    const write = () => {
      let goesOn = true;
      while (goesOn) {
        const piece = filled(spare.pop() ?? new ArrayBuffer(size));
        goesOn = socket.write(piece, () => spare.push(piece.buffer));
      }
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
  const { bytes, allocate = true } = ctx.params;
  await ctx.put(filled(allocate ? ctx.allocate(bytes) : new ArrayBuffer(bytes)));
}

/** Memory that nobody has touched costs its reader nothing, and what workers make is never that. */
function filled(buffer) {
  return new Uint8Array(buffer).fill(1);
}
