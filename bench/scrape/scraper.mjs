// Scrapes as Prometheus does, in a process of its own. Meanwhile it can ask /livez again and again: the event loop that
// renders a scrape answers nobody.
import { Agent, request } from 'node:http';
import { answerJobs } from '../lib/helper.mjs';
import { median } from '../lib/stats.mjs';

/** How long /livez is asked alone, so that it is known how long it takes. */
const ALONE_MS = 100;

const agent = new Agent({ keepAlive: true });

answerJobs(async ({ url, probing }) => {
  if (!probing) return scrape(url);
  const probes = [];
  let over = false;
  const asking = (async () => {
    while (!over) {
      const begunAt = performance.now();
      await get(`${url}/livez`);
      const endedAt = performance.now();
      probes.push({ endedAt, milliseconds: endedAt - begunAt });
    }
  })();
  await new Promise((resolve) => setTimeout(resolve, ALONE_MS));
  const begunAt = performance.now();
  const scraped = await scrape(url);
  over = true;
  await asking;
  const times = (during) =>
    probes.filter(({ endedAt }) => endedAt >= begunAt === during).map(({ milliseconds }) => milliseconds);
  const usual = median(times(false));
  return { ...scraped, blocked: Math.max(0, Math.max(...times(true)) - usual) };
});

async function scrape(url) {
  const begunAt = performance.now();
  const bytes = await get(`${url}/metrics`);
  return { milliseconds: performance.now() - begunAt, bytes };
}

/** Resolves to the bytes of the answer. */
function get(url) {
  return new Promise((resolve, reject) => {
    request(url, { agent }, (response) => {
      let bytes = 0;
      response.on('data', (chunk) => {
        bytes += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () =>
        response.statusCode === 200 ? resolve(bytes) : reject(new Error(`${url}: ${response.statusCode}`)),
      );
    })
      .on('error', reject)
      .end();
  });
}
