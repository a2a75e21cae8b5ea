import { setTimeout as wait } from 'node:timers/promises';
import { LOG_LEVELS } from '../schemas/states.js';
import type { Arguments } from './arguments.js';
import type { LogQuery, ServiceClient } from './client.js';
import { EXIT, type ExitCode, Refused, Unreachable, UsageError } from './failures.js';
import { type LogStyle, logText, readTold } from './log-text.js';
import type { Screen } from './screen.js';

/** Before the service is asked again: at first, then twice as long each time. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

const MOST_TAIL = 1000;

/**
 * `logs`: the last lines of a group; with `--follow` those that come, too, until the group is deleted or it is ended by
 * Ctrl-C. A connection that is lost later on is sought again, and goes on after the last line that was printed.
 * @param ended given when it is to follow
 */
export async function logs(
  args: Arguments,
  client: ServiceClient,
  screen: Screen,
  ended?: AbortSignal,
): Promise<ExitCode> {
  const [name, ...others] = args.operands;
  if (name === undefined || others.length > 0) throw new UsageError('name one group');
  const query = readQuery(args);
  const printer = new Printer(screen, {
    json: args.json,
    colour: screen.colour,
    filtered: query.worker !== undefined || query.level !== undefined,
  });
  if (ended === undefined) {
    const lines = await client.logs(name, query);
    await printer.print(lines);
    if (lines.length === 0) await complainOfWorker(name, query, client, screen);
    return EXIT.ok;
  }
  try {
    // Before it waits for lines that may never come.
    if (query.worker !== undefined && (await client.logs(name, { ...query, tail: 1 })).length === 0)
      await complainOfWorker(name, query, client, screen);
    await follow(name, query, client, printer, screen, ended);
  } catch (error) {
    if (!ended.aborted) throw error;
  }
  return EXIT.ok;
}

/** Says so when the group does not have the worker that was asked for: an index is easily taken for an id. */
async function complainOfWorker(
  name: string,
  { worker }: LogQuery,
  client: ServiceClient,
  screen: Screen,
): Promise<void> {
  if (worker === undefined) return;
  const ids = (await client.group(name)).workers.map(({ id }) => id);
  if (!ids.includes(worker))
    screen.complain(`group "${name}" has no worker with the id ${worker}: its workers are ${ids.join(', ')}`);
}

function readQuery({ tail, worker, level }: Arguments): LogQuery {
  if (level !== undefined && !LOG_LEVELS.some((known) => known === level))
    throw new UsageError(`--level ${level} is none of ${LOG_LEVELS.join(', ')}`);
  return {
    tail: numberOf('tail', tail, MOST_TAIL),
    worker: numberOf('worker', worker, 1e15 - 1),
    level,
  };
}

function numberOf(flag: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text) || Number(text) > most)
    throw new UsageError(`--${flag} ${text} is no number from 0 to ${most}`);
  return Number(text);
}

/** Prints lines, at the pace of whoever reads them, and keeps the place. */
class Printer {
  readonly #screen: Screen;
  readonly #style: LogStyle;
  /** `seq` of the last line that was printed, whichever life of the group it is of. */
  place: number | undefined;

  constructor(screen: Screen, style: LogStyle) {
    this.#screen = screen;
    this.#style = style;
  }

  async print(lines: readonly string[], ended?: AbortSignal): Promise<void> {
    const told = lines.map(readTold);
    this.#screen.print(...told.map((one) => logText(one, this.#style)));
    this.place = told.findLast(({ seq }) => seq !== undefined)?.seq ?? this.place;
    await this.#screen.output.flushed(ended);
  }
}

async function follow(
  name: string,
  query: LogQuery,
  client: ServiceClient,
  printer: Printer,
  screen: Screen,
  ended: AbortSignal,
): Promise<void> {
  const { tail, ...filter } = query;
  // Of no line that has been there anything is printed, so the place of the last is asked for.
  if (tail === 0) printer.place = lastPlace(await client.logs(name, { tail: 1 }));
  let next: LogQuery = tail === 0 ? goOn(filter, printer) : query;
  let begun = false;
  let missing = false;
  let pause = FIRST_WAIT_MS;
  for (;;) {
    try {
      const pieces = await client.followLogs(name, next);
      if (missing) screen.complain('connected again');
      [begun, missing, pause] = [true, false, FIRST_WAIT_MS];
      for await (const lines of pieces) await printer.print(lines, ended);
      // The group was deleted, or the service ends: asking again tells which.
    } catch (error) {
      if (ended.aborted || !begun) throw error;
      if (isGone(error)) {
        screen.complain(`there is no group "${name}" any more`);
        return;
      }
      if (!mayPass(error)) throw error;
      if (!missing) screen.complain(`${error.message} (trying again)`);
      missing = true;
    }
    await wait(pause, undefined, { signal: ended });
    pause = Math.min(2 * pause, LONGEST_WAIT_MS);
    next = goOn(filter, printer);
  }
}

/** All that came after the last line. Where there was none, all that there is: nothing is so old as 0. */
function goOn(filter: LogQuery, { place = 0 }: Printer): LogQuery {
  return { ...filter, after: place };
}

function lastPlace(lines: readonly string[]): number | undefined {
  return lines.map((line) => readTold(line).seq).at(-1);
}

function isGone(error: unknown): boolean {
  return error instanceof Refused && error.code === 'group_not_found';
}

/** Whether it may be otherwise the next time: the service is not there, or has too much to do. */
function mayPass(error: unknown): error is Error {
  if (error instanceof Refused) return error.status === 429 || error.status >= 500;
  return error instanceof Unreachable;
}
