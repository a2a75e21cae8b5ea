import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hostOf } from '#dist/api/access/hosts.js';
import { LoadMeter } from '#dist/api/access/load-meter.js';
import { isSameOrigin } from '#dist/api/access/origins.js';
import { connectionBound, descriptorLimit } from '#dist/connection-bound.js';

test('connections get what the hosts leave, a quarter of the descriptors at least, and 10,000 at most', () => {
  const cases: [limit: number, hosts: number, bound: number][] = [
    [256, 64, 64],
    [1024, 64, 576],
    [1024, 4096, 256],
    [4096, 256, 2496],
    [1_048_576, 256, 10_000],
  ];
  for (const [limit, hosts, bound] of cases)
    assert.equal(connectionBound(limit, hosts), bound, `of ${limit}, beside ${hosts} hosts`);
  assert.ok(descriptorLimit() >= 64);
});

test('an overload of work is three late turns in a row, and over with the first in time', () => {
  const meter = new LoadMeter(1000, 500);
  const after = (lateMs: number, heapBytes = 0) => {
    meter.note(lateMs, heapBytes);
    return meter.overload;
  };
  assert.equal(meter.overload, undefined);
  const late = [60_000, 1001, 1000, 1001, 1001, 1001, 2000, 0, 1001].map((lateMs) => after(lateMs));
  const ok = undefined;
  assert.deepEqual(late, [ok, ok, ok, ok, ok, 'work', 'work', ok, ok]);
  assert.deepEqual([after(0, 500), after(0, 501), after(0, 499)], [ok, 'memory', ok]);
});

test('whatever is taken for a host is one for a URL parser, too, and the same', () => {
  const text = fc.oneof(
    fc.domain(),
    fc.ipV4(),
    fc.ipV6().map((ip) => `[${ip}]`),
    fc.string({ maxLength: 12 }),
  );
  const rest = fc.oneof(
    fc.constant(''),
    fc.integer({ min: 0, max: 65_535 }).map((port) => `:${port}`),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(text, rest, (host, more) => {
      const named = hostOf(host + more);
      if (named === undefined) return;
      const url = `http://${host}${more}/`;
      // Names of digits alone a parser may refuse; what it takes, it takes for the same.
      if (!URL.canParse(url)) return;
      const { hostname, username, pathname } = new URL(url);
      assert.deepEqual([username, pathname], ['', '/'], url);
      if (named.isAddress && !hostname.startsWith('[')) assert.equal(hostname, named.host, url);
    }),
    { numRuns: 2000 },
  );
});

test('an origin is the same only with the very host and port of the Host header', () => {
  const cases: [origin: string, host: string | undefined, same: boolean][] = [
    ['http://a', 'a', true],
    ['http://a', 'A:80', true],
    ['https://a', 'a:443', true],
    ['https://a', 'a:80', false],
    ['http://a:1', 'a:1', true],
    ['http://a:1', 'a:2', false],
    ['http://a', undefined, false],
    ['http://a/', 'a', false],
    ['http://b@a', 'a', false],
    ['null', 'null', false],
    ['', '', false],
    ['http://', '', false],
    ['http://[::1]:1', '[::1]:1', true],
  ];
  for (const [origin, host, same] of cases)
    assert.equal(isSameOrigin(origin, host), same, `${origin} at ${host}`);
});
