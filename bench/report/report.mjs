import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { recorded } from '../lib/results.mjs';
import { NAMES, USAGE } from '../lib/usage.mjs';
import { anchor, blocks, plain } from './markdown.mjs';
import { plotBars } from './plot.mjs';
import { benchmarkSection, lossesSection, machineSection } from './sections.mjs';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));

/** The folder of the plots, in that of the document. */
const PLOTS = 'benchmarks';

/** Makes `docs/benchmarks.md` and its plots of what is recorded. Plots that it does not have any more are deleted. */
export function writeReport(docs = DOCS, results = recorded()) {
  const { markdown, plots } = renderReport(results);
  const folder = `${docs}/${PLOTS}`;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.svg') && !plots.has(file)))
    rmSync(`${folder}/${name}`);
  for (const [name, svg] of plots) writeFileSync(`${folder}/${name}`, svg);
  if (readdirSync(folder).length === 0) rmdirSync(folder);
  writeFileSync(`${docs}/benchmarks.md`, markdown);
}

/**
 * The report as text: the same results make the same bytes.
 * @param {{ benchmarks: Record<string, object> }} results
 * @returns {{ markdown: string, plots: Map<string, string> }} plots by their file name
 */
export function renderReport(results) {
  const benchmarks = NAMES.flatMap((name) =>
    results.benchmarks[name] === undefined ? [] : [[name, results.benchmarks[name]]],
  );
  const plots = new Map();
  const sections = benchmarks.map(([name, benchmark]) =>
    benchmarkSection(name, benchmark, (comparison, metric) => {
      const svg = plotOf(comparison, metric);
      if (svg === undefined) return undefined;
      const file = fileName(name, comparison.id, metric.key);
      if (plots.has(file)) throw new Error(`two plots would be ${file}`);
      plots.set(file, svg);
      return `${PLOTS}/${file}`;
    }),
  );
  const titles = ['Where we lose', 'Machine and versions', ...benchmarks.map(([, { title }]) => title)];
  const markdown = blocks(
    '# Benchmarks',
    '<!-- Made by `npm run bench -- --report` of bench/results.json: a change here would be lost. -->',
    'Each table is one run of `npm run bench`, in which all contenders took turns, round by round: whatever else the machine did ' +
      'met all of them. Given are the median of the rounds, the least and the most. Ours are set in bold.',
    '```sh\nnpm run bench                             # all of it\nnpm run bench -- feed start-stop          # some\n' +
      'npm run bench -- iterations --rounds 20   # more rounds\n```',
    'It builds the product, installs the peers from npm into `bench/node_modules`, and leaves out those of Debian ' +
      '(`supervisor`, `python3-torch`) that are not installed.',
    `\`\`\`text\n${USAGE.trimEnd()}\n\`\`\``,
    benchmarks.length === 0
      ? 'Nothing has been recorded yet.'
      : [
          titles.map((title) => `- [${plain(title)}](#${anchor(title)})`).join('\n'),
          lossesSection(benchmarks),
          machineSection(benchmarks),
          sections,
        ],
  );
  return { markdown: `${markdown}\n`, plots };
}

/** The plot of a metric; undefined where there is nothing to compare. */
function plotOf({ title, contenders }, metric) {
  const bars = contenders.flatMap(({ name, ours, values }) =>
    values?.[metric.key]?.length > 0 ? [{ name, ours, values: values[metric.key] }] : [],
  );
  if (bars.length < 2) return undefined;
  const rounds = Math.max(...bars.map(({ values }) => values.length));
  return plotBars({
    title,
    subtitle: `${metric.name}, in ${metric.unit}`,
    note: `${metric.better} is better; median, and from the least to the most of ${rounds} rounds`,
    bars,
  });
}

function fileName(...parts) {
  return `${parts.map((part) => part.toLowerCase().replace(/[^a-z0-9]+/g, '-')).join('-')}.svg`;
}
