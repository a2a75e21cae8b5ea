/** A worker as small as can be: each call stands for fetching something, which takes 5 to 25 ms. */
export default async function worker(workerId, ctx) {
  if (ctx.iteration === 0) ctx.log.info(`worker ${workerId} takes shard ${ctx.index} of ${ctx.count}`);
  await ctx.sleep(0.005 + 0.02 * Math.random());
}
