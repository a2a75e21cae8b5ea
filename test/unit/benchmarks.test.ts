import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

interface Values {
  [metric: string]: number[];
}

interface Contender {
  id: string;
  name: string;
  ours: boolean;
  values?: Values;
  skipped?: string;
}

interface Results {
  benchmarks: Record<string, unknown>;
}

interface Report {
  renderReport(results: Results): { markdown: string; plots: Map<string, string> };
  writeReport(docs: string, results: Results): void;
}

interface Recorded {
  check(results: Results, recorded: Results): { lines: string[]; failed: string[] };
  recorded(): Results;
}

const { renderReport, writeReport } = (await import(`${ROOT}bench/report/report.mjs`)) as Report;
const { check, recorded } = (await import(`${ROOT}bench/lib/results.mjs`)) as Recorded;

/** Results of the benchmark `feed`, with one comparison of one metric. */
function resultsOf(contenders: Contender[], ratio: number[] | undefined, more: object = {}): Results {
  const metrics = [{ key: 'rate', name: 'bytes', unit: 'MB/s', better: 'higher' }];
  const ratios =
    ratio === undefined ? [] : [{ id: 'to-peer', name: 'ours to theirs', guarded: true, values: ratio }];
  const comparison = { id: 'one', title: 'A comparison', metrics, contenders, ratios };
  const machine = { cores: 2, memoryGb: 8, versions: { node: '20.19.0' } };
  const about = 'What it is.';
  const feed = {
    title: 'Feed',
    about,
    at: '2026-01-02',
    quick: false,
    machine,
    comparisons: [comparison],
    ...more,
  };
  return { benchmarks: { feed } };
}

const contender = (id: string, ours: boolean, rate: number[]): Contender => ({
  id,
  name: `the ${id}`,
  ours,
  values: { rate },
});
const skipped = { id: 'absent', name: 'an absentee', ours: false, skipped: 'it is not installed' };
const ours = contender('feed', true, [90, 100, 120]);
const limit = { ...contender('limit', false, [300, 300, 300]), limit: true };
const peer = contender('peer', false, [190, 200, 210]);

test('docs/benchmarks.md and its plots are those of bench/results.json', () => {
  const { markdown, plots } = renderReport(recorded());
  const folder = `${ROOT}docs/benchmarks`;
  const mend = 'run `npm run bench -- --report`';
  assert.equal(readFileSync(`${ROOT}docs/benchmarks.md`, 'utf8'), markdown, mend);
  const kept = existsSync(folder) ? readdirSync(folder) : [];
  assert.deepEqual(kept.sort(), [...plots.keys()].sort(), mend);
  for (const [name, svg] of plots) assert.equal(readFileSync(`${folder}/${name}`, 'utf8'), svg, mend);
});

test('the report has the figures, who is missing and why, and where we lose by them', () => {
  const results = resultsOf([ours, peer, limit, skipped], [0.5, 0.5, 0.6], { loses: 'Peers are *faster*.' });
  const { markdown, plots } = renderReport(results);
  for (const line of [
    '| **the feed** | **100** | 90.0 to 120 | 3 |',
    '| the peer | 200 | 190 to 210 | 3 |',
    '| an absentee | not measured: it is not installed |  |  |',
    '| ours to theirs (CI fails below half of it) | 0.50 | 0.50 to 0.60 | 3 |',
    '| A comparison: bytes, MB/s | the feed: 100 | the peer: 200 (2.00 times as good) |',
    '| A comparison: bytes, MB/s | the feed: 100 | the limit: 300 (3.00 times as good) |',
    '**Feed.** Peers are \\*faster\\*.',
    '![A comparison: bytes](benchmarks/feed-one-rate.svg)',
  ])
    assert.ok(markdown.split('\n').includes(line), `${line}\nis missing in\n${markdown}`);
  assert.deepEqual([...plots.keys()], ['feed-one-rate.svg']);
  assert.deepEqual(renderReport(results), { markdown, plots });
});

test('where nobody is better, the report says so', () => {
  const { markdown } = renderReport(resultsOf([ours, contender('slow', false, [9, 9, 9])], undefined));
  assert.match(markdown, /## Where we lose\n\nBy the figures[^\n]+\n\nNone\.\n\n[^\n]+\n\nNone\.\n/);
});

test('names are text in a plot, whatever is in them, and a wide span has a logarithmic scale', () => {
  const name = '<script>alert("1")</script> & more';
  const { plots } = renderReport(
    resultsOf([ours, { ...peer, name, values: { rate: [1, 1, 1] } }], undefined),
  );
  const svg = plots.get('feed-one-rate.svg') ?? '';
  assert.match(svg, />&#60;script&#62;alert\(&#34;1&#34;\)&#60;\/script&#62; &#38; more</);
  assert.doesNotMatch(svg, /<script/);
  assert.match(svg, /logarithmic scale/);
  assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
});

test('a plot has a place for values of zero', () => {
  const none = contender('none', false, [0, 0, 0]);
  for (const others of [[ours], [contender('nothing', false, [0, 0, 0])]]) {
    const svg = renderReport(resultsOf([none, ...others], undefined)).plots.get('feed-one-rate.svg') ?? '';
    assert.match(svg, />0<\/text>/);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined|"-/);
  }
});

test('plots that are not made any more are deleted', (t) => {
  const docs = temporaryDirectory(t);
  mkdirSync(join(docs, 'benchmarks'));
  writeFileSync(join(docs, 'benchmarks', 'old.svg'), '<svg/>');
  writeReport(docs, resultsOf([ours, peer], undefined));
  assert.deepEqual(readdirSync(join(docs, 'benchmarks')), ['feed-one-rate.svg']);
  writeReport(docs, { benchmarks: {} });
  assert.deepEqual(readdirSync(docs), ['benchmarks.md']);
});

test('a run passes with at least half of each guarded ratio that was recorded', () => {
  const before = resultsOf([ours, peer], [8, 10, 12]);
  assert.deepEqual(check(resultsOf([ours, peer], [5]), before), {
    lines: ['ok: ours to theirs: 5.00, at least 5.00 is expected (10.0 was recorded)'],
    failed: [],
  });
});

test('a run fails with less than half of a guarded ratio, without it, and when nothing is guarded', () => {
  const before = resultsOf([ours, peer], [8, 10, 12]);
  assert.deepEqual(check(resultsOf([ours, peer], [4.9, 100, 4.8]), before), {
    lines: ['FAILED: ours to theirs: 4.90, at least 5.00 is expected (10.0 was recorded)'],
    failed: ['feed'],
  });
  assert.deepEqual(check(resultsOf([ours, peer], undefined), before), {
    lines: ['FAILED: ours to theirs: not measured, at least 5.00 is expected (10.0 was recorded)'],
    failed: ['feed'],
  });
  assert.deepEqual(check(resultsOf([ours, peer], [100]), { benchmarks: {} }), {
    lines: ['FAILED: ours to theirs: nothing is recorded to compare it with'],
    failed: ['feed'],
  });
});
