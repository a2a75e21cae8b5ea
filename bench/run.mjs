// Runs the benchmarks, all or those that are named, and prints a table for each comparison.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Bench } from './lib/bench.mjs';
import { machine } from './lib/machine.mjs';
import { progress } from './lib/progress.mjs';
import { check, record } from './lib/results.mjs';
import { NAMES, USAGE } from './lib/usage.mjs';
import { writeReport } from './report/report.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Where it is set, each process of Node 20 begins with reading that file, which may take longer than all else: for whoever
// starts processes, it would be all that is measured.
const { NODE_EXTRA_CA_CERTS: certificates } = process.env;
delete process.env.NODE_EXTRA_CA_CERTS;

/** How often `--check` measures what is worse than it was. */
const ATTEMPTS = 3;

const { names, options } = readArguments();
if (options.report) {
  writeReport();
} else {
  build();
  const results = { benchmarks: {} };
  // Each as soon as it is there: one that fails later takes nothing of it away.
  for (const name of names) {
    Object.assign(results.benchmarks, await measure([name]));
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
    if (options.record) record(results);
  }
  if (options.check) await checked(results);
  if (options.record) writeReport();
}

/** What is measured, and what it is compared with. */
function build() {
  progress('building what is measured');
  execFileSync('npm', ['run', '--silent', 'build:test'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  progress('installing the peers, unless they are there');
  execFileSync('npm', ['run', '--silent', 'bench:peers'], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...(certificates !== undefined && { NODE_EXTRA_CA_CERTS: certificates }) },
  });
  progress();
}

async function measure(wanted) {
  const benchmarks = {};
  for (const name of wanted) {
    console.log(`\n== ${name}`);
    const { default: benchmark } = await import(`./${name}/index.mjs`);
    const bench = new Bench({ quick: options.quick, rounds: options.rounds });
    await benchmark.measure(bench);
    const { title, about, loses } = benchmark;
    benchmarks[name] = {
      title,
      about,
      ...(loses && { loses }),
      at: new Date().toISOString().slice(0, 10),
      quick: options.quick,
      machine: machine(),
      comparisons: bench.comparisons,
    };
  }
  return benchmarks;
}

/** What is worse than before is measured again: a neighbour on the machine goes away, and a change for the worse does not. */
async function checked(results) {
  for (let attempt = 1; ; attempt++) {
    const { lines, failed } = check(results);
    console.log(`\n${lines.join('\n')}`);
    process.exitCode = failed.length > 0 ? 1 : 0;
    if (failed.length === 0 || attempt === ATTEMPTS) return;
    console.log(`\nOnce more, in case something else was going on (attempt ${attempt + 1} of ${ATTEMPTS}):`);
    Object.assign(results.benchmarks, await measure(failed));
  }
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        json: { type: 'string' },
        check: { type: 'boolean', default: false },
        record: { type: 'boolean', default: false },
        report: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(USAGE);
      process.exit();
    }
    const unknown = positionals.find((name) => !NAMES.includes(name));
    if (unknown !== undefined) throw new Error(`there is no benchmark "${unknown}"`);
    const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
    if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))
      throw new Error('--rounds takes a whole number of at least 1');
    if (values.record && values.check)
      throw new Error('--check compares with what is recorded: run it before --record');
    if (values.record && (values.quick || rounds < 5))
      throw new Error('what is recorded is measured whole: leave out --quick, and take 5 rounds or more');
    return {
      names: NAMES.filter((name) => positionals.length === 0 || positionals.includes(name)),
      options: { ...values, rounds },
    };
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}
