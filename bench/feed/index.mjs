// The feed with a taker in Python, on its socket and on the service's port, beside a raw copy of the same bytes over a
// plain socket between the same two processes; and what GET /v1/groups takes meanwhile.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quantile, row, timed, withService } from './support.mjs';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROUNDS = 5;
const SECONDS = 2;
const SIZES = [
  { name: '1 MB', bytes: 1_000_000, capacity: 64, most: 16 },
  { name: '256 KB', bytes: 256_000, capacity: 256, most: 16 },
  { name: '4 KB', bytes: 4096, capacity: 800, most: 64 },
];

export async function feed() {
  const folder = mkdtempSync(join(tmpdir(), 'pw-bench-'));
  try {
    await withService((service) => measure(service, folder), { workersDir: HERE });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(service, folder) {
  for (const { name, bytes, capacity, most } of SIZES) {
    const raw = join(folder, `${bytes}.sock`);
    await service.call('PUT', '/v1/groups/bench', {
      module: 'feed-worker.mjs',
      workers: 2,
      params: { bytes },
      feed: { capacity },
    });
    const results = { raw: [], socket: [], port: [], latency: [] };
    for (let round = 0; round < ROUNDS; round++) {
      // A host whose workers put nothing meanwhile.
      const params = { bytes, raw: `${raw}.raw`, idle: true };
      await service.call('PUT', '/v1/groups/raw', { module: 'feed-worker.mjs', workers: 1, params });
      await service.start('raw');
      results.raw.push(await take({ raw: `${raw}.raw`, bytes }));
      await service.stop('raw');
      await service.start('bench');
      const { url } = service;
      results.socket.push(await take({ url, bytes, most }));
      results.port.push(await take({ url, path: '', bytes, most }));
      // While the socket runs at full speed again: whoever asks takes part of it away.
      const [latencies] = await Promise.all([watch(service), take({ url, bytes, most })]);
      results.latency.push(quantile(latencies, 0.99));
      await service.stop('bench');
    }
    const rates = (of) => results[of].map(({ megabytes }) => megabytes);
    row(`${name} items: raw copy`, rates('raw'), 'MB/s');
    row(`${name} items: socket of the feed`, rates('socket'), 'MB/s');
    row(`${name} items: the service's port`, rates('port'), 'MB/s');
    const shares = rates('socket').map((rate, i) => (100 * rate) / rates('raw')[i]);
    row(`${name} items: socket of the feed, of the raw copy`, shares, '%');
    row(
      `${name} items: socket of the feed`,
      results.socket.map(({ items }) => items),
      'items/s',
    );
    row(`GET /v1/groups meanwhile, p99`, results.latency, 'ms', 1);
  }
}

async function take(how) {
  const child = spawn('python3', [join(HERE, 'taker.py'), JSON.stringify({ seconds: SECONDS, ...how })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  return JSON.parse(text);
}

async function watch(service) {
  const times = [];
  const until = performance.now() + SECONDS * 1000;
  while (performance.now() < until)
    times.push((await timed(() => service.call('GET', '/v1/groups'))).milliseconds);
  return times;
}
