// A bare Fastify server with a prom-client registry that has the series of a text of metrics, with the values that they
// have there, as gauges: what rendering and sending them costs, without anybody who is asked for their values.
import Fastify from 'fastify';
import { Gauge, Registry } from 'prom-client';
import { answerJobs } from '../lib/helper.mjs';

const app = Fastify();
let registry = new Registry();
app.get('/metrics', async (_request, reply) =>
  reply.type(registry.contentType).send(await registry.metrics()),
);
app.get('/livez', async () => ({ status: 'ok' }));
const url = await app.listen({ host: '127.0.0.1', port: 0 });

answerJobs((text) => {
  registry = new Registry();
  for (const [name, all] of byName(parse(text))) {
    const labelNames = [...new Set(all.flatMap(({ labels }) => Object.keys(labels)))];
    const gauge = new Gauge({
      name,
      help: `As the service has it: ${name}.`,
      labelNames,
      registers: [registry],
    });
    for (const { labels, value } of all) gauge.set(labels, value);
  }
  return url;
});

/** The lines of a text of metrics, comments left out. */
function parse(text) {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]);
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }];
  });
}

function byName(all) {
  const names = new Map();
  for (const one of all) names.set(one.name, []);
  for (const one of all) names.get(one.name).push(one);
  return names;
}
