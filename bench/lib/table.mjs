import { figure, summary } from './stats.mjs';

/** Prints what a comparison has found, one table for each metric. */
export function printComparison({ title, metrics, contenders, ratios }) {
  console.log(`\n${title}`);
  for (const { key, name, unit, better } of metrics) {
    console.log(`\n  ${name}, in ${unit} (${better} is better)`);
    for (const contender of contenders) printRow(contender, contender.values?.[key]);
  }
  if (ratios.length === 0) return;
  console.log('\n  how many times better, round by round');
  for (const { name, values } of ratios) printRow({ name }, values);
}

function printRow({ name, ours, skipped }, values = []) {
  const label = `  ${ours ? '>' : ' '} ${name}`.padEnd(66);
  if (skipped !== undefined) return console.log(`${label} skipped: ${skipped}`);
  if (values.length === 0) return;
  const { median, least, most } = summary(values);
  console.log(
    `${label} ${figure(median).padStart(12)}   (${figure(least)} to ${figure(most)}, ${values.length} rounds)`,
  );
}
