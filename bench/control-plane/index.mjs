// The service's calls beside a bare route of Fastify that answers with as many bytes.
import { withDrainedService } from '../lib/drained-service.mjs';
import { withHelper } from '../lib/helper.mjs';
import { NO_SPARE } from '../lib/service.mjs';
import { timed } from '../lib/timed.mjs';
import { registered, Scene } from './scene.mjs';

const METRICS = [
  { key: 'rate', name: 'throughput', unit: 'requests/s', better: 'higher' },
  { key: 'p50', name: 'time of a request, p50', unit: 'ms', better: 'lower' },
  { key: 'p99', name: 'time of a request, p99', unit: 'ms', better: 'lower' },
];
const SECONDS = 1;
const SPINNING = { groups: 8, workers: 4 };

export default {
  title: 'The control plane under load',
  about:
    'autocannon, in a process of its own, asks GET /v1/groups and POST /v1/groups on 10 connections as fast as they ' +
    'answer, with 1, 10 and 50 groups registered: at rest, and while 4 workers of a running group, which compute ' +
    'without a pause, saturate both cores. It does the same to a bare Fastify server in a process of its own: its GET ' +
    'route answers with a constant of the same size, its POST route parses the same JSON body and answers with a ' +
    'constant of the same size. Times are the full times of the answers, as autocannon sees them. On 2 cores the client ' +
    'takes one of them, so the rates of the bare route are those of the client as well. Each POST registers a group of ' +
    'another name, so that there are more of them as it goes on; they are deleted before the next measurement, outside ' +
    'of the time. Not comparable: a registration is durable, so it writes a file and the directory through to the disk ' +
    '(fsync) before it is answered, and the bare route writes nothing; the service checks what it reads, logs two lines ' +
    'of each request (its default; the log goes into a pipe that another process empties), measures it for /metrics, ' +
    'and sends security headers, and the bare route does none of this. The rate limit is off. The last comparison asks ' +
    'while 32 workers in 8 groups never return from their call, and then stops them.',
  loses:
    'A bare route is faster in every case: it makes no answer, it writes no log and no file. The more groups there are, ' +
    'the more there is to write out for GET /v1/groups, which has no pages. A registration waits for the disk.',

  async measure(bench) {
    await withHelper(new URL('./load.mjs', import.meta.url), (load) =>
      withHelper(new URL('./bare.mjs', import.meta.url), async (answerWith) => {
        const seconds = bench.seconds(SECONDS);
        for (const count of bench.quick ? [1, 10] : [1, 10, 50]) {
          await withDrainedService({ flags: ['--max-groups', '10000'], env: NO_SPARE }, async (service) => {
            const scene = new Scene({ service, load, answerWith, seconds });
            await scene.register(count);
            await scene.warmUp();
            await compareCalls(bench, scene, count);
          });
        }
        await withDrainedService({ env: NO_SPARE }, async (service) => {
          const scene = new Scene({ service, load, answerWith, seconds });
          await compareSpinning(bench, scene);
        });
      }),
    );
  },
};

async function compareCalls(bench, scene, count) {
  const calls = [
    { id: 'get', name: 'GET /v1/groups', service: () => scene.get(), bare: () => scene.bareGet() },
    { id: 'post', name: 'POST /v1/groups', service: () => scene.post(), bare: () => scene.barePost() },
  ];
  for (const { id, name, service, bare } of calls) {
    const title = `${name}, ${count} ${count === 1 ? 'group' : 'groups'} registered`;
    for (const busy of [false, true]) {
      await scene.saturate(busy);
      await bench.compare({
        id: `${id}-${count}-${busy ? 'saturated' : 'idle'}`,
        title: `${title}, ${busy ? 'both cores saturated' : 'at rest'}`,
        metrics: METRICS,
        contenders: [
          { id: 'service', name: 'parallel-workers', ours: true, measure: service },
          { id: 'bare', name: 'bare Fastify route', limit: true, measure: bare },
        ],
        ratios: [
          {
            id: 'rate',
            name: 'ours to a bare Fastify route: requests a second',
            metric: 'rate',
            of: 'service',
            to: 'bare',
          },
        ],
      });
    }
  }
}

/** Workers that never return from their call, and what a stop takes that has to kill them. */
async function compareSpinning(bench, scene) {
  const { service } = scene;
  const graceSeconds = 1;
  const names = Array.from({ length: SPINNING.groups }, (_, i) => `spin-${i}`);
  for (const name of names)
    await service.register({
      name,
      module: 'spin.mjs',
      workers: SPINNING.workers,
      stopGraceSeconds: graceSeconds,
      startTimeoutSeconds: 120,
    });
  const spin = async () => {
    for (const { name, state } of await registered(service))
      if (state !== 'running') await service.start(name);
  };
  await bench.compare({
    id: 'spinning',
    title: 'While 32 workers in 8 groups never return from their call',
    metrics: [
      ...METRICS,
      { key: 'stop', name: 'POST /v1/stop, beyond the grace of 1 s', unit: 'ms', better: 'lower' },
    ],
    contenders: [
      {
        id: 'service',
        name: 'parallel-workers, GET /v1/groups',
        ours: true,
        measure: async () => {
          await spin();
          return scene.get();
        },
      },
      {
        id: 'bare',
        limit: true,
        name: 'bare Fastify route of the same size',
        measure: async () => {
          await spin();
          return scene.bareGet();
        },
      },
      {
        id: 'stop',
        name: 'parallel-workers, until all 32 are dead',
        ours: true,
        measure: async () => {
          await spin();
          const { milliseconds, result } = await timed(() => service.call('POST', '/v1/stop'));
          const killed = result.body.groups.flatMap((group) => group.killed).length;
          if (killed !== SPINNING.groups * SPINNING.workers) throw new Error(`${killed} workers were killed`);
          return { stop: milliseconds - graceSeconds * 1000 };
        },
      },
    ],
    ratios: [
      {
        id: 'spinning',
        name: 'ours to a bare Fastify route: requests a second, GET /v1/groups while 32 workers never return',
        metric: 'rate',
        of: 'service',
        to: 'bare',
      },
    ],
  });
}
