// Runs the tests that `npm run build:test` has built: those of units and of the service two files at a time, since most
// of them wait for something; those of faults one at a time, since they say how soon something has to answer.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../dist-test/', import.meta.url));
const RUNS = [
  { concurrency: 2, folders: ['unit', 'service'] },
  { concurrency: 1, folders: ['faults'] },
];

// Where it is set, each process of Node 20 begins with reading that file, which can take longer than all else that it does;
// the tests start thousands. What needs it, npm alone, finds it by this name.
const { NODE_EXTRA_CA_CERTS: certificates, ...env } = process.env;
if (certificates !== undefined) env.PW_TEST_CA_CERTS = certificates;

function filesOf(folder) {
  const names = readdirSync(BUILT + folder).filter((name) => name.endsWith('.test.js'));
  return names.map((name) => `${BUILT}${folder}/${name}`);
}

const codes = RUNS.map(({ concurrency, folders }) => {
  const flags = ['--test', '--test-timeout=300000', `--test-concurrency=${concurrency}`];
  const { status } = spawnSync(process.execPath, [...flags, ...folders.flatMap(filesOf)], {
    env,
    stdio: 'inherit',
  });
  return status ?? 1;
});
process.exit(Math.max(...codes));
