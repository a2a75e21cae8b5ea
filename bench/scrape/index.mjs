// What a scrape of /metrics takes, beside a bare registry of prom-client with as many series.
import { withDrainedService } from '../lib/drained-service.mjs';
import { withHelper } from '../lib/helper.mjs';
import { NO_SPARE } from '../lib/service.mjs';
import { median } from '../lib/stats.mjs';

/** Workers of one group: each group has its own series, too. */
const IN_A_GROUP = 25;
/** Scrapes of a round. */
const SCRAPES = 10;
/** After each scrape the service rests four times as long as it took; Prometheus comes every 15 s or so. */
const RESTS = 5;

export default {
  title: 'A scrape of /metrics',
  about:
    '10, 100 and 500 workers (in groups of up to 25) run, each in a call that sleeps. A process of its own scrapes ' +
    `/metrics ${SCRAPES} times a round, with pauses, and takes the median: the time until the last byte. Then it ` +
    'scrapes as often while it asks /livez again and again on another connection: how much longer than usual the longest of these ' +
    'answers takes during a scrape is how long the event loop was blocked in one go. Beside it a bare Fastify server renders a bare ' +
    'registry of prom-client (which the service uses, too) that has the same series with the same values, all as gauges. Not comparable: the values of ' +
    'the bare registry lie there and are rendered, while the service asks all hosts for their counters (its time includes ' +
    'that: up to 100 ms, when a host does not answer) and sets every series anew.',
  loses:
    'The bare registry is faster: it asks nobody, and its series are not set anew for every scrape. The more workers ' +
    'there are, the longer the event loop is blocked in one go, since prom-client renders a metric without a pause.',

  async measure(bench) {
    await withHelper(new URL('./scraper.mjs', import.meta.url), (scraper) =>
      withHelper(new URL('./bare.mjs', import.meta.url), async (bareWith) => {
        for (const workers of bench.quick ? [10, 100] : [10, 100, 500]) {
          await withDrainedService(
            { flags: ['--max-workers', String(workers)], env: NO_SPARE },
            async (service) => {
              await run(service, workers);
              const bare = await bareWith(await service.metrics());
              await compare(bench, scraper, workers, { service: service.url, bare });
              await service.call('POST', '/v1/stop');
            },
          );
        }
      }),
    );
  },
};

async function run(service, workers) {
  for (let left = workers, i = 0; left > 0; left -= IN_A_GROUP, i++) {
    const name = `group-${i}`;
    await service.register({
      name,
      module: 'sleeps.mjs',
      workers: Math.min(left, IN_A_GROUP),
      startTimeoutSeconds: 120,
    });
    await service.start(name);
  }
}

async function compare(bench, scraper, workers, urls) {
  const measure = async (url) => {
    const alone = await scrapes(scraper, { url, probing: false });
    const probed = await scrapes(scraper, { url, probing: true });
    const middle = (of, key) => median(of.map((one) => one[key]));
    return {
      time: middle(alone, 'milliseconds'),
      blocked: middle(probed, 'blocked'),
      bytes: middle(alone, 'bytes') / 1000,
    };
  };
  await bench.compare({
    id: `workers-${workers}`,
    title: `/metrics with ${workers} workers`,
    warmUp: true,
    metrics: [
      { key: 'time', name: 'time of a scrape', unit: 'ms', better: 'lower' },
      { key: 'blocked', name: 'event loop blocked in one go', unit: 'ms', better: 'lower' },
      { key: 'bytes', name: 'size of the text', unit: 'KB', better: 'lower' },
    ],
    contenders: [
      { id: 'service', name: 'parallel-workers', ours: true, measure: () => measure(urls.service) },
      {
        id: 'bare',
        limit: true,
        name: 'bare prom-client registry in a bare Fastify server',
        measure: () => measure(urls.bare),
      },
    ],
    ratios: ['time', 'blocked'].map((metric) => ({
      id: metric,
      name: `ours to a bare registry: ${metric === 'time' ? 'time of a scrape' : 'event loop blocked'}, ${workers} workers`,
      metric,
      of: 'service',
      to: 'bare',
    })),
  });
}

async function scrapes(scraper, job) {
  const all = [];
  for (let i = 0; i < SCRAPES; i++) {
    const scraped = await scraper(job);
    all.push(scraped);
    await new Promise((resolve) => setTimeout(resolve, RESTS * scraped.milliseconds));
  }
  return all;
}
