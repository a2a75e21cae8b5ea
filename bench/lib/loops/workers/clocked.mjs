/** How long the loop of this thread ran: from the last hook before it to the first one after it. */
let startedAt = 0;

export function setup() {
  startedAt = performance.now();
}

export function teardown(_workerId, ctx) {
  ctx.log.info('the loop has ended', { milliseconds: performance.now() - startedAt });
}
