// Does what `params.how` says: each way that a worker can go.
export default async function worker(_workerId, ctx) {
  const { how = 'works', at = 0 } = ctx.params;
  if (how === 'spins' && ctx.iteration === at) {
    ctx.log.info('never to return');
    while (true) {}
  }
  await ctx.sleep(0.005);
  if (how === 'puts') await ctx.put(new Uint8Array(16 * 1024));
  if (how === 'logs') ctx.log.info('a line', { iteration: ctx.iteration });
  if (ctx.iteration !== at) return;
  if (how === 'throws') throw new Error('bad record');
  // As the kernel does where memory is short: nobody in the host gets to say anything.
  if (how === 'dies') process.kill(process.pid, 'SIGKILL');
}
