import { openSync, writeSync } from 'node:fs';

/** Open as long as this thread lives: see ../presence.mjs. */
let presence;

/** Sleeps 1 ms. The first call tells that the worker is in its loop. */
export default async function worker(_workerId, ctx) {
  if (presence === undefined) {
    presence = openSync(ctx.params.presence, 'w');
    writeSync(presence, '.');
  }
  await ctx.sleep(0.001);
}
