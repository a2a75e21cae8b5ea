import { figure, summary } from '../lib/stats.mjs';
import { losses } from './losses.mjs';
import { blocks, plain, table, textTable } from './markdown.mjs';

/** A benchmark: how to run it, what it is, and each of its comparisons. `pictureOf` names the plot of a metric, if it has one. */
export function benchmarkSection(name, { title, about, at, comparisons }, pictureOf) {
  return blocks(
    `## ${plain(title)}`,
    `\`npm run bench -- ${name}\`, measured on ${at}.`,
    plain(about),
    comparisons.map((comparison) => comparisonSection(comparison, (metric) => pictureOf(comparison, metric))),
  );
}

function comparisonSection(comparison, pictureOf) {
  const { title, about, metrics, contenders, ratios } = comparison;
  return blocks(
    `### ${plain(title)}`,
    about && plain(about),
    metrics.map((metric) => {
      const picture = pictureOf(metric);
      return blocks(
        `**${plain(metric.name)}**, in ${plain(metric.unit)}; ${metric.better} is better:`,
        table(
          ['', 'median', 'least to most', 'rounds'],
          contenders.flatMap((contender) => contenderRow(contender, metric)),
        ),
        picture && `![${plain(`${title}: ${metric.name}`)}](${picture})`,
      );
    }),
    ratios.length > 0
      ? table(
          ['how many times better, round by round', 'median', 'least to most', 'rounds'],
          ratios.map(({ name, guarded, values }) => [
            `${plain(name)}${guarded ? ' (CI fails below half of it)' : ''}`,
            ...figuresOf(values),
          ]),
        )
      : undefined,
  );
}

function contenderRow({ name, ours, skipped, values }, metric) {
  if (skipped !== undefined) return [[plain(name), `not measured: ${plain(skipped)}`, '', '']];
  const measured = values[metric.key] ?? [];
  if (measured.length === 0) return [];
  const [median, ...rest] = figuresOf(measured);
  return [ours ? [`**${plain(name)}**`, `**${median}**`, ...rest] : [plain(name), median, ...rest]];
}

function figuresOf(values) {
  const { median, least, most } = summary(values);
  return [figure(median), `${figure(least)} to ${figure(most)}`, String(values.length)];
}

/** Where we lose: in the words of each benchmark, and by its figures. */
export function lossesSection(benchmarks) {
  const said = benchmarks.filter(([, { loses }]) => loses !== undefined);
  return blocks(
    '## Where we lose',
    said.map(([, { title, loses }]) => `**${plain(title)}.** ${plain(loses)}`),
    'By the figures, every metric of which a peer in the same comparison has a better median than one of ours:',
    lossesTable(benchmarks, false),
    'And by how much ours stay behind those that do only what nobody can do without (a bare loop, a raw copy, a bare route):',
    lossesTable(benchmarks, true),
  );
}

function lossesTable(benchmarks, limits) {
  const found = benchmarks.flatMap(([, benchmark]) => losses(benchmark, limits));
  if (found.length === 0) return 'None.';
  return textTable(
    ['what', 'ours', 'who is better'],
    found.map(({ comparison, metric, ours, peers }) => [
      plain(`${comparison.title}: ${metric.name}, ${metric.unit}`),
      `${plain(ours.name)}: ${figure(ours.median)}`,
      peers.map(winner).join('; '),
    ]),
  );
}

function winner({ name, median, factor, overlap }) {
  const times = factor === undefined ? [] : [`${figure(factor)} times as good`];
  const notes = [...times, ...(overlap ? ['rounds overlap'] : [])];
  return `${plain(name)}: ${figure(median)}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}

/** What it ran on. Benchmarks that were recorded with the same versions are named together. */
export function machineSection(benchmarks) {
  const machines = new Map();
  for (const [name, { machine, at }] of benchmarks) {
    const key = JSON.stringify(machine);
    machines.set(key, [...(machines.get(key) ?? []), { name, at, machine }]);
  }
  return blocks(
    '## Machine and versions',
    [...machines.values()].map((members) => {
      const { cores, memoryGb, versions } = members[0].machine;
      const named = members.map(({ name, at }) => `${name} (${at})`).join(', ');
      return blocks(
        `${cores} cores, ${memoryGb} GB of memory: ${named}.`,
        textTable(
          ['program', 'version'],
          Object.entries(versions).map(([program, version]) => [plain(program), plain(version)]),
        ),
      );
    }),
  );
}
