import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Presence } from '../lib/presence.mjs';
import { treeMemory } from '../lib/process-tree.mjs';
import { supervisordMissing } from '../lib/supervisord.mjs';
import { withOurs, withPm2, withSupervisord } from './contenders.mjs';

/** How long after the last worker was in its loop the memory is looked at. */
const SETTLE_MS = 800;

const METRICS = [
  { key: 'idle', name: 'nothing runs', unit: 'MiB', better: 'lower' },
  { key: 'one', name: 'one group of one worker, all in all', unit: 'MiB', better: 'lower' },
  { key: 'worker', name: 'each worker more of a group', unit: 'MiB', better: 'lower' },
  { key: 'group', name: 'each group of one worker more', unit: 'MiB', better: 'lower' },
];

export default {
  title: 'Memory',
  about:
    'Proportional set size (PSS) of the process that one starts and all that descend from it: with nothing running, and 0.8 s ' +
    'after the last worker was in its loop. A worker more is an eighth of what 9 workers of a group take more than 1, and a ' +
    'group more is a quarter of what 5 groups of one worker take more than 1; each is a start of its own. Each contender runs ' +
    'alone, on a copy of the Node binary of its own: pages that its processes share count once, and next to none is shared with other ' +
    'programs. Workers sleep 1 ms, again and again. A worker of parallel-workers is a thread in the process of its group. One of ' +
    'supervisord and pm2 is a process that runs a script of a few lines, and so is a group more. pm2 is measured as it ' +
    'comes, and without its instrumentation of each process (pmx).',
  loses:
    'The service takes several times what supervisord takes, which is a small program in Python, and a group takes a process ' +
    'with a thread for its hooks beside those of its workers. A worker more is a thread with a heap and modules of its own, ' +
    'and takes more than a bare process of Node does that shares its code with others.',
  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'parallel-workers-bench-'));
    const presence = new Presence();
    try {
      const node = join(folder, 'node');
      copyFileSync(process.execPath, node);
      await compareMemory(bench, node, presence);
    } finally {
      presence.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function compareMemory(bench, node, presence) {
  const [workers, groups] = bench.quick ? [3, 2] : [9, 5];
  /** Has somebody run groups of so many workers each. */
  const run = (within, options) => (sizes) => {
    const all = sizes.map((size, i) => ({ name: `sleepers-${i}`, workers: size }));
    const seen = () => presence.watch(sizes.reduce((sum, size) => sum + size)).inLoop;
    return within({ node, presence: presence.path, groups: all, ...options }, (keeper) =>
      memoryOf(keeper, seen),
    );
  };
  const ours = (warmHosts) => run(withOurs, { warmHosts });
  const peer = (id, name, runPeer) => ({
    id,
    name,
    measure: async () => {
      const one = await runPeer([1]);
      const worker = slope(one, await runPeer([workers]), workers - 1);
      return { idle: one.idle, one: one.busy, worker, group: worker };
    },
  });
  const ratio = (metric, to, what) => ({
    id: `${metric}-${to}`,
    name: `ours to ${to}: ${what}`,
    metric,
    of: 'ours',
    to,
  });
  return bench.compare({
    id: 'memory',
    title: 'Memory of all processes together',
    metrics: METRICS,
    contenders: [
      {
        id: 'ours',
        name: 'parallel-workers, no host kept ready',
        ours: true,
        measure: async () => {
          const one = await ours(0)([1]);
          const worker = slope(one, await ours(0)([workers]), workers - 1);
          const group = slope(one, await ours(0)(Array(groups).fill(1)), groups - 1);
          return { idle: one.idle, one: one.busy, worker, group };
        },
      },
      {
        id: 'warm',
        name: 'parallel-workers, one host kept ready',
        ours: true,
        measure: async () => {
          const { idle, busy } = await ours(1)([1]);
          return { idle, one: busy };
        },
      },
      {
        ...peer('supervisord', 'supervisord', run(withSupervisord)),
        ...(supervisordMissing && { skip: supervisordMissing }),
      },
      peer('pm2', 'pm2', run(withPm2, { lean: false })),
      peer('pm2-lean', 'pm2, without pmx', run(withPm2, { lean: true })),
    ],
    ratios: ['supervisord', 'pm2'].flatMap((to) => [
      ratio('idle', to, 'nothing runs'),
      ratio('worker', to, 'each worker more'),
      ratio('group', to, 'each group more'),
    ]),
  });
}

/** Memory of somebody before and after all groups were started, in MiB. */
async function memoryOf({ pid, start }, inLoop) {
  const idle = await settled(pid);
  await Promise.all([inLoop(), start()]);
  return { idle, busy: await settled(pid) };
}

async function settled(pid) {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  return treeMemory(pid);
}

/** What each of `more` takes; without what two starts of the same program differ by. */
function slope(few, many, more) {
  return (many.busy - many.idle - (few.busy - few.idle)) / more;
}
