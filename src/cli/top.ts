import { setTimeout as wait } from 'node:timers/promises';
import { type CallRate, type CallTimes, callRate, readCallTimes } from '../readings/call-times.js';
import { p99Of, workersAtWork } from '../readings/group-words.js';
import { itemRate } from '../readings/item-rate.js';
import { count, duration, memory, NOTHING, rate } from '../readings/quantities.js';
import type { GroupStatus } from '../schemas/group-status.js';
import { describeAddress } from './address.js';
import type { Arguments } from './arguments.js';
import type { ServiceClient } from './client.js';
import { paint } from './colour.js';
import { EXIT, type ExitCode, type Refused, Unreachable } from './failures.js';
import { feedColumns } from './feed-columns.js';
import { FullScreen } from './full-screen.js';
import { printable, printableJson } from './printable.js';
import type { Screen } from './screen.js';
import { reasonOf, shownGroups, stateCell } from './status.js';
import { type Cell, type Column, tableLines } from './table.js';

const EVERY_MS = 1000;

/** Shown when a group has a feed. */
const ITEMS_COLUMN: Column = { title: 'ITEMS/S', align: 'right' };
const LAST_COLUMN: Column = { title: 'REASON' };
const COLUMNS: readonly Column[] = [
  { title: 'GROUP' },
  { title: 'STATE' },
  { title: 'WORKERS', align: 'right' },
  { title: 'CALLS/S', align: 'right' },
  { title: 'MEAN', align: 'right' },
  { title: 'P99', align: 'right' },
  { title: 'ERRORS', align: 'right' },
  { title: 'RESTARTS', align: 'right' },
  { title: 'CPU', align: 'right' },
  { title: 'MEMORY', align: 'right' },
];

interface Sample {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly times: ReadonlyMap<string, CallTimes>;
  readonly groups: readonly GroupStatus[];
  readonly missing: readonly Refused[];
}

/** A group between two samples. */
interface Seen {
  readonly group: GroupStatus;
  readonly calls: CallRate | undefined;
  /** Processors' worth of time; undefined without a process that was there before. */
  readonly cpu: number | undefined;
  /** Items that were taken from its feed, a second. */
  readonly items: number | undefined;
}

/**
 * `top`: on a terminal a page that is drawn anew each second, until it is ended by Ctrl-C; elsewhere a table, or with
 * `--json` a line, each second.
 */
export async function top(
  args: Arguments,
  client: ServiceClient,
  screen: Screen,
  ended: AbortSignal,
): Promise<ExitCode> {
  let before = await take(args, client);
  const page = screen.output.isTerminal && !args.once && !args.json;
  const full = page ? new FullScreen(screen.output) : undefined;
  try {
    full?.enter();
    if (full !== undefined) draw(full, args, screen, seenBetween(before, before));
    for (;;) {
      await wait(EVERY_MS, undefined, { signal: ended });
      let after: Sample;
      try {
        after = await take(args, client);
      } catch (error) {
        // Whoever watches wants to see it come back; a program wants to know.
        if (full === undefined || !(error instanceof Unreachable) || ended.aborted) throw error;
        full.draw([paintIf(screen.colour, printable(`${error.message} (trying again)`))]);
        continue;
      }
      const seen = seenBetween(before, after);
      before = after;
      if (full !== undefined) draw(full, args, screen, seen);
      else if (args.json) screen.print(printableJson({ groups: seen.map(asJson) }));
      else screen.print(...table(seen, { colour: screen.colour }), ...(args.once ? [] : ['']));
      for (const { message } of full === undefined ? after.missing : []) screen.complain(message);
      if (args.once) return after.missing.length > 0 ? EXIT.failed : EXIT.ok;
    }
  } catch (error) {
    if (!ended.aborted) throw error;
    return EXIT.ok;
  } finally {
    full?.leave();
  }
}

/** The metrics first: for them the service asks its hosts, and the groups are then as fresh. */
async function take(args: Arguments, client: ServiceClient): Promise<Sample> {
  const times = readCallTimes(await client.metrics());
  const at = performance.now();
  return { at, times, ...(await shownGroups(args, client)) };
}

function seenBetween(before: Sample, after: Sample): Seen[] {
  const seconds = (after.at - before.at) / 1000;
  const was = new Map(before.groups.map((group) => [group.name, group]));
  return after.groups.map((group) => {
    const [from, to] = [before.times.get(group.name), after.times.get(group.name)];
    const last = was.get(group.name);
    const [old, now] = [last?.host, group.host];
    const sameHost = old !== null && old !== undefined && now !== null && old.pid === now.pid;
    return {
      group,
      calls: from === undefined || to === undefined ? undefined : callRate(from, to, seconds),
      cpu: sameHost && seconds > 0 ? (now.cpuSeconds - old.cpuSeconds) / seconds : undefined,
      items: itemRate(last, group, seconds),
    };
  });
}

function draw(full: FullScreen, args: Arguments, screen: Screen, seen: readonly Seen[]): void {
  const { columns, rows } = screen.output.size();
  const states = new Map<string, number>();
  for (const { group } of seen) states.set(group.state, (states.get(group.state) ?? 0) + 1);
  const summary = [...states].map(([state, n]) => `${n} ${state}`).join(', ');
  const title = `${describeAddress(args.address)}  ${seen.length} groups${summary && `: ${summary}`}  (Ctrl-C ends)`;
  const lines = [
    ...tableLines([{ title: printable(title) }], [['']], { width: columns }),
    ...table(seen, { colour: screen.colour, width: columns }),
  ];
  const hidden = lines.length - rows;
  full.draw(hidden > 0 ? [...lines.slice(0, rows - 1), `and ${hidden + 1} more`] : lines);
}

function table(seen: readonly Seen[], options: { colour: boolean; width?: number }): string[] {
  const feeds = feedColumns(seen.map(({ group }) => group));
  const fed = feeds.columns.length > 0;
  const columns = [...COLUMNS, ...(fed ? [ITEMS_COLUMN] : []), ...feeds.columns, LAST_COLUMN];
  const rows = seen.map((one) => [
    ...cellsOf(one),
    ...(fed ? [one.items === undefined ? NOTHING : rate(one.items)] : []),
    ...feeds.cells(one.group),
    reasonOf(one.group),
  ]);
  return tableLines(columns, rows, options);
}

function cellsOf({ group, calls, cpu }: Seen): Cell[] {
  return [
    group.name,
    stateCell(group.state),
    workersAtWork(group),
    calls === undefined ? NOTHING : rate(calls.perSecond),
    calls?.mean === undefined ? NOTHING : duration(calls.mean),
    p99Of(calls),
    count(group.totals.errors),
    count(group.totals.restarts),
    cpu === undefined ? NOTHING : `${Math.round(100 * cpu)} %`,
    group.host === null ? NOTHING : memory(group.host.memoryBytes),
  ];
}

function asJson({ group, calls, cpu, items }: Seen) {
  const { name, state, reason, workers, totals, host, feed } = group;
  return {
    name,
    state,
    reason,
    workers: { running: workers.filter((worker) => worker.state === 'running').length, all: workers.length },
    callsPerSecond: calls?.perSecond ?? null,
    meanSeconds: calls?.mean ?? null,
    p99Seconds: calls?.p99 ?? null,
    errors: totals.errors,
    restarts: totals.restarts,
    cpu: cpu ?? null,
    memoryBytes: host?.memoryBytes ?? null,
    feed:
      feed === null
        ? null
        : {
            itemsPerSecond: items ?? null,
            depth: feed.depth,
            capacity: feed.capacity,
            takeWaitShare: feed.takeWaitShare,
            putWaitShare: feed.putWaitShare,
          },
  };
}

function paintIf(colour: boolean, text: string): string {
  return colour ? paint(text, 'red') : text;
}
