import { remarksOf, workersAtWork } from '../readings/group-words.js';
import { age, count, duration, memory, NOTHING } from '../readings/quantities.js';
import type { GroupStatus } from '../schemas/group-status.js';
import type { Arguments } from './arguments.js';
import type { ServiceClient } from './client.js';
import { stateColour } from './colour.js';
import { EXIT, type ExitCode, Refused } from './failures.js';
import { feedColumns } from './feed-columns.js';
import { printable, printableJson } from './printable.js';
import type { Screen } from './screen.js';
import { type Cell, type Column, tableLines } from './table.js';

type Worker = GroupStatus['workers'][number];

const GROUP_COLUMNS: readonly Column[] = [
  { title: 'GROUP' },
  { title: 'STATE' },
  { title: 'SINCE', align: 'right' },
  { title: 'DESIRED' },
  { title: 'WORKERS', align: 'right' },
  { title: 'CALLS', align: 'right' },
  { title: 'ERRORS', align: 'right' },
  { title: 'MEAN', align: 'right' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'MEMORY', align: 'right' },
];
const LAST_GROUP_COLUMN: Column = { title: 'REASON' };
const WORKER_COLUMNS: readonly Column[] = [
  { title: 'WORKER', align: 'right' },
  { title: 'INDEX', align: 'right' },
  { title: 'STATE' },
  { title: 'CALLS', align: 'right' },
  { title: 'ERRORS', align: 'right' },
  { title: 'MEAN', align: 'right' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'LAST CALL', align: 'right' },
];

const FAILURE_COLUMNS: readonly Column[] = [
  { title: 'FAILED', align: 'right' },
  { title: 'KIND' },
  { title: 'WORKER', align: 'right' },
  { title: 'REASON' },
];

/** `status`: 1 when a group that it shows has failed, or one that was named is not there. */
export async function status(args: Arguments, client: ServiceClient, screen: Screen): Promise<ExitCode> {
  const { groups, missing } = await shownGroups(args, client);
  for (const { message } of missing) screen.complain(message);
  if (args.json) screen.print(printableJson({ groups }));
  else if (groups.length === 0) {
    if (missing.length === 0)
      screen.complain(args.labels.length > 0 ? 'no group has these labels' : 'no groups');
  } else {
    screen.print(...groupTable(groups, screen.colour));
    if (args.operands.length > 0)
      for (const group of groups) {
        screen.print('', `${printable(group.name)}:`);
        screen.print(...tableLines(WORKER_COLUMNS, group.workers.map(workerRow), { colour: screen.colour }));
        screen.print(...troubleLines(group, screen.colour));
      }
  }
  return missing.length > 0 || groups.some(({ state }) => state === 'failed') ? EXIT.failed : EXIT.ok;
}

/** The groups that were named, or that have the labels, or all; and what the service says of those it has not. */
export async function shownGroups(
  { operands, labels }: Arguments,
  client: ServiceClient,
): Promise<{ groups: GroupStatus[]; missing: Refused[] }> {
  if (operands.length === 0) return { groups: await client.groups(labels), missing: [] };
  const missing: Refused[] = [];
  const found = await Promise.all(
    operands.map((name) =>
      client.group(name).catch((error: unknown) => {
        if (!(error instanceof Refused) || error.isAboutCaller) throw error;
        missing.push(error);
        return undefined;
      }),
    ),
  );
  return { groups: found.filter((group) => group !== undefined), missing };
}

/** The state, and what else there is to say about the group. */
export function reasonOf(group: GroupStatus): string {
  return printable(remarksOf(group, Date.now()).join('; '));
}

export function stateCell(state: string): Cell {
  return { text: state, colour: stateColour(state) };
}

function groupTable(groups: readonly GroupStatus[], colour: boolean): string[] {
  const feeds = feedColumns(groups);
  const columns = [...GROUP_COLUMNS, ...feeds.columns, LAST_GROUP_COLUMN];
  const rows = groups.map((group) => [...groupCells(group), ...feeds.cells(group), reasonOf(group)]);
  return tableLines(columns, rows, { colour });
}

function groupCells(group: GroupStatus): Cell[] {
  const { name, state, since, desired, totals, host } = group;
  return [
    name,
    stateCell(state),
    ago(since),
    desired,
    workersAtWork(group),
    count(totals.iterations),
    count(totals.errors),
    mean(totals),
    count(totals.restarts),
    host === null ? NOTHING : memory(host.memoryBytes),
  ];
}

function workerRow(worker: Worker): Cell[] {
  const { id, index, state, lastProgress, restarts } = worker;
  return [
    String(id),
    String(index),
    stateCell(state),
    count(worker.iterations),
    count(worker.errors),
    mean(worker),
    count(restarts),
    lastProgress === null ? NOTHING : `${ago(lastProgress)} ago`,
  ];
}

/** What has gone wrong in the group, the newest first; nothing where nothing has. */
function troubleLines({ totals, failures }: GroupStatus, colour: boolean): string[] {
  const counts = [
    totals.stalls > 0 ? `stalls: ${count(totals.stalls)}` : '',
    totals.killed > 0 ? `killed: ${count(totals.killed)}` : '',
  ].filter((text) => text !== '');
  const rows = failures
    .toReversed()
    .map(({ at, kind, workerId, reason }) => [
      `${ago(at)} ago`,
      kind,
      workerId === null ? NOTHING : String(workerId),
      reason,
    ]);
  return [
    ...(counts.length > 0 ? ['', counts.join(', ')] : []),
    ...(rows.length > 0 ? ['', ...tableLines(FAILURE_COLUMNS, rows, { colour })] : []),
  ];
}

function mean({ iterations, workerTimeSeconds }: { iterations: number; workerTimeSeconds: number }): string {
  return iterations === 0 ? NOTHING : duration(workerTimeSeconds / iterations);
}

function ago(moment: string): string {
  return age((Date.now() - Date.parse(moment)) / 1000);
}
