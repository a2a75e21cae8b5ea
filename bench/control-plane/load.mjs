// Asks one route as fast as it answers, on ten connections.
import autocannon from 'autocannon';
import { answerJobs } from '../lib/helper.mjs';
import { quantile } from '../lib/stats.mjs';

const CONNECTIONS = 10;
/** How soon it is seen that the time is over. */
const SAMPLE_MS = 50;
/** It goes on until there are so many answers, or until this has taken too long. */
const LEAST_ANSWERS = 100;
const MOST_SECONDS = 60;

let number = 0;

answerJobs(async ({ url, seconds, register }) => {
  // By its own clock: autocannon's histogram knows whole milliseconds only.
  const times = [];
  const startedAt = performance.now();
  let endedAt = startedAt;
  const run = autocannon({
    url,
    connections: CONNECTIONS,
    duration: MOST_SECONDS,
    sampleInt: SAMPLE_MS,
    ...(register && { requests: [registration(register)] }),
  });
  run.on('response', (_client, _status, _bytes, milliseconds) => {
    times.push(milliseconds);
    endedAt = performance.now();
    if (times.length >= LEAST_ANSWERS && endedAt - startedAt > seconds * 1000) run.stop();
  });
  const { errors, timeouts, statusCodeStats } = await run;
  const expected = register ? '201' : '200';
  if (errors + timeouts > 0 || Object.keys(statusCodeStats).join() !== expected)
    throw new Error(`${url}: ${errors} errors, ${timeouts} timeouts, ${JSON.stringify(statusCodeStats)}`);
  return {
    rate: times.length / ((endedAt - startedAt) / 1000),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
});

/** Each with a name of its own. */
function registration(spec) {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    setupRequest: (request) => ({
      ...request,
      body: JSON.stringify({ name: `${spec.name}-${number++}`, ...spec.rest }),
    }),
  };
}
