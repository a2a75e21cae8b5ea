import { duration } from '../readings/quantities.js';
import type { Arguments } from './arguments.js';
import type { ServiceClient } from './client.js';
import { stateColour } from './colour.js';
import { EXIT, type ExitCode, Refused } from './failures.js';
import { printableJson } from './printable.js';
import type { Screen } from './screen.js';
import { tableLines } from './table.js';

/** What became of a group. */
interface Outcome {
  readonly name: string;
  readonly success: boolean;
  /** Null when it is not known, as of a group that does not exist. */
  readonly state: string | null;
  readonly reason: string | null;
  /** Ids of the workers that had to be killed. */
  readonly killed?: readonly number[];
}

type Change = (args: Arguments, client: ServiceClient) => Promise<Outcome[]>;

/** One after the other, in the order given: a group may come `after` another. */
const start: Change = (args, client) =>
  args.operands.length === 0
    ? startAll(args, client)
    : inOrder(args.operands, (name) => started(name, client, () => client.start(name)));

/** All at once: each may take its grace. */
const stop: Change = async (args, client) =>
  args.operands.length === 0
    ? stopAll(args, client)
    : Promise.all(args.operands.map((name) => stopped(name, client)));

/** All are stopped before the first starts, when they are not named: so `after` holds for both. */
const restart: Change = async (args, client) => {
  if (args.operands.length > 0)
    return inOrder(args.operands, (name) => started(name, client, () => client.restart(name)));
  const report = await client.stopAll(args.labels);
  const stops = new Map(report.groups.map((group) => [group.name, group]));
  return (await startAll(args, client)).map((outcome) => {
    const { killed = [], reason } = stops.get(outcome.name) ?? {};
    return killed.length === 0 ? outcome : { ...outcome, killed, reason: outcome.reason ?? reason ?? null };
  });
};

const CHANGES = { start, stop, restart };

/** `start`, `stop` and `restart`: 1 unless all went well. */
export async function lifecycle(
  command: keyof typeof CHANGES,
  args: Arguments,
  client: ServiceClient,
  screen: Screen,
): Promise<ExitCode> {
  const begin = performance.now();
  const groups = await CHANGES[command](args, client);
  const seconds = Math.round(performance.now() - begin) / 1000;
  const nobody = groups.length === 0 && args.labels.length > 0;
  const success = !nobody && groups.every((group) => group.success);
  if (args.json) screen.print(printableJson({ success, seconds, groups }));
  else if (groups.length > 0) {
    const rows = groups.map(({ name, state, reason, success }) => [
      name,
      { text: state ?? 'unknown', colour: success ? stateColour(state ?? '') : ('red' as const) },
      reason ?? '',
    ]);
    const columns = [{ title: 'GROUP' }, { title: 'STATE' }, { title: 'REASON' }];
    screen.print(...tableLines(columns, rows, { colour: screen.colour }));
    if (screen.output.isTerminal)
      screen.print(`${success ? 'done' : 'not all went well'}, in ${duration(seconds)}`);
  }
  if (nobody) screen.complain('no group has these labels');
  else if (groups.length === 0 && !args.json) screen.complain('there are no groups');
  return success ? EXIT.ok : EXIT.failed;
}

async function startAll({ labels }: Arguments, client: ServiceClient): Promise<Outcome[]> {
  return (await client.startAll(labels)).groups;
}

async function stopAll({ labels }: Arguments, client: ServiceClient): Promise<Outcome[]> {
  const { groups } = await client.stopAll(labels);
  const now = new Map((await client.groups(labels)).map(({ name, state }) => [name, state]));
  return groups.map(({ name, success, reason, killed }) => ({
    name,
    success,
    state: now.get(name) ?? null,
    reason,
    killed,
  }));
}

async function stopped(name: string, client: ServiceClient): Promise<Outcome> {
  return unlessRefused(name, client, async () => {
    const { success, groups } = await client.stop(name);
    const [group] = groups;
    const { state } = await client.group(name);
    return { name, success, state, reason: group?.reason ?? null, killed: group?.killed ?? [] };
  });
}

async function started(
  name: string,
  client: ServiceClient,
  command: () => ReturnType<ServiceClient['start']>,
): Promise<Outcome> {
  return unlessRefused(name, client, async () => {
    const { state, reason } = await command();
    return { name, success: true, state, reason };
  });
}

async function unlessRefused(
  name: string,
  client: ServiceClient,
  command: () => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await command();
  } catch (error) {
    if (!(error instanceof Refused) || error.isAboutCaller) throw error;
    const found = await client.group(name).catch(() => undefined);
    return { name, success: false, state: found?.state ?? null, reason: error.message };
  }
}

async function inOrder<T>(names: readonly string[], each: (name: string) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (const name of names) results.push(await each(name));
  return results;
}
