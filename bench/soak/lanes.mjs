/** How long something may take that a lane waits for. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 50;
/** Restarts that are over soon. */
const RESTARTS = { maxRestarts: 2, windowSeconds: 60, backoff: { initialSeconds: 0.05, maxSeconds: 0.1 } };
const MODULE = 'worker.mjs';

/**
 * What is done again and again, each in a lane of its own, side by side: one call is one cycle. A cycle leaves nothing
 * behind; its group has a name that no other has.
 * @type {Record<string, (client: import('./client.mjs').Client, name: string) => Promise<void>>}
 */
export const LANES = {
  async changes(client, name) {
    const path = await register(client, name, { workers: 2 });
    await client.ok('POST', `${path}/start`);
    await client.ok('PATCH', path, { workers: 4 });
    await client.ok('PATCH', path, { workers: 1, labels: { changed: 'yes' } });
    await client.ok('POST', `${path}/stop`);
    await client.ok('POST', `${path}/start?wait=false`);
    await client.ok('PUT', path, { module: MODULE, workers: 2, params: { how: 'logs' } });
    await client.ok('POST', `${path}/restart`);
    await client.ok('GET', `${path}/logs`);
    await client.ok('DELETE', path);
  },

  /** A worker that throws and is started again, until that is too often. */
  async throws(client, name) {
    const restart = { policy: 'on-failure', scope: 'worker', ...RESTARTS };
    const path = await register(client, name, { params: { how: 'throws', at: 20 }, restart });
    // Not waited for: on a busy machine it is over before the start is answered.
    await client.ok('POST', `${path}/start?wait=false`);
    await reaches(client, path, 'failed');
    await client.ok('DELETE', path);
  },

  /** A host that is killed and started again. */
  async dies(client, name) {
    const restart = { policy: 'on-failure', scope: 'group', ...RESTARTS };
    const path = await register(client, name, { params: { how: 'dies', at: 20 }, restart });
    // Not waited for: on a busy machine it is over before the start is answered.
    await client.ok('POST', `${path}/start?wait=false`);
    await reaches(client, path, 'failed');
    await client.ok('DELETE', path);
  },

  async finishes(client, name) {
    const path = await register(client, name, { maxIterations: 20 });
    for (let i = 0; i < 2; i++) {
      await client.ok('POST', `${path}/start`);
      await reaches(client, path, 'completed');
    }
    await client.ok('DELETE', path);
  },

  /** Workers that have to be killed. */
  async hangs(client, name) {
    const path = await register(client, name, { params: { how: 'spins' }, stopGraceSeconds: 0.1 });
    await client.ok('POST', `${path}/start`);
    await client.ok('POST', `${path}/stop`);
    await client.ok('DELETE', path);
  },

  async feeds(client, name) {
    const path = await register(client, name, { params: { how: 'puts' }, feed: { capacity: 32 } });
    await client.ok('POST', `${path}/start`);
    for (let i = 0; i < 10; i++) {
      await client.ok('POST', `${path}/feed/take`);
      await client.ok('POST', `${path}/feed/take?max=8&waitSeconds=1`);
    }
    // Some wait in it still.
    await client.ok('POST', `${path}/stop`);
    await client.ok('DELETE', path);
  },

  async together(client, name) {
    const labels = { together: name };
    for (const part of ['a', 'b']) await register(client, `${name}-${part}`, { labels, workers: 1 });
    await client.ok('POST', `/v1/start?label=together=${name}`);
    await client.ok('POST', `/v1/stop?label=together=${name}`);
    for (const part of ['a', 'b']) await client.ok('DELETE', `/v1/groups/${name}-${part}`);
  },

  /** What is refused, half of it on connections of their own. */
  async mistakes(client, name) {
    const path = await register(client, name, {});
    const spec = { name, module: MODULE };
    for (const [status, method, asked, body] of [
      [409, 'POST', '/v1/groups', { ...spec, workers: 7 }],
      [400, 'POST', '/v1/groups', { ...spec, workers: '2' }],
      [422, 'PATCH', path, { module: '../outside.mjs' }],
      [404, 'POST', `${path}-not-there/start`],
      [404, 'GET', '/v1/nothing'],
    ]) {
      for (const fresh of [false, true]) {
        const answer = await client.call(method, asked, { body, fresh });
        if (answer.status !== status)
          throw new Error(`${method} ${asked}: ${answer.status} in place of ${status}`);
      }
    }
    await client.ok('DELETE', path);
  },

  async looks(client) {
    for (const path of ['/v1/groups', '/v1/groups?state=running', '/livez', '/readyz', '/openapi.json', '/'])
      await client.ok('GET', path);
  },
};

async function register(client, name, spec) {
  await client.ok('POST', '/v1/groups', { name, module: MODULE, ...spec });
  return `/v1/groups/${name}`;
}

async function reaches(client, path, state) {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const group = await client.ok('GET', path);
    if (group.state === state) return;
    if (performance.now() > deadline) throw new Error(`${path} is ${group.state}, and was to be ${state}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
