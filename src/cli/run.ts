import { ConfigError } from '../config/config-error.js';
import { type Arguments, readArguments } from './arguments.js';
import { ServiceClient } from './client.js';
import { wantsColour } from './colour.js';
import { completion } from './completion.js';
import { CommandFailure, EXIT } from './failures.js';
import { lifecycle } from './lifecycle.js';
import { logs } from './logs.js';
import type { Output } from './output.js';
import { type Screen, screenOf } from './screen.js';
import { status } from './status.js';
import { type ClientCommandName, type Command, helpOf } from './syntax.js';
import { top } from './top.js';

type ClientCommand = Command & { readonly name: ClientCommandName };

/** Of what a signal ends: 128 and its number, as shells have it. */
const EXIT_SIGTERM = 143;

const LAST_WORDS_MS = 1_000;

/**
 * Runs a command that talks to a running service.
 * @param args what follows its name on the command line
 * @returns the exit code
 */
export async function runClient(
  command: ClientCommand,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  output: Output,
): Promise<number> {
  const screen = screenOf(command.name, output, wantsColour(output.isTerminal, environment));
  try {
    const read = await readArguments(command, args, environment);
    if (read !== 'help') return await runCommand(command.name, read, screen);
    output.stdout(helpOf(command));
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof CommandFailure || error instanceof ConfigError)) throw error;
    screen.complain(error.message);
    return error instanceof CommandFailure ? error.exitCode : EXIT.usage;
  }
}

async function runCommand(name: ClientCommandName, args: Arguments, screen: Screen): Promise<number> {
  switch (name) {
    case 'completion':
      return completion(args, screen);
    case 'status':
      return status(args, new ServiceClient(args), screen);
    case 'top':
      return untilSignal(screen.output, (ended) =>
        top(args, new ServiceClient({ ...args, signal: ended }), screen, ended),
      );
    case 'logs':
      if (!args.follow) return logs(args, new ServiceClient(args), screen);
      return untilSignal(screen.output, (ended) =>
        logs(args, new ServiceClient({ ...args, signal: ended }), screen, ended),
      );
    default:
      return lifecycle(name, args, new ServiceClient(args), screen);
  }
}

/** Ends what runs when somebody has seen enough, in its own time: it has a terminal to leave. */
async function untilSignal(output: Output, run: (ended: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let terminated = false;
  const interrupt = () => controller.abort();
  const terminate = () => {
    terminated = true;
    controller.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', terminate).on('SIGHUP', terminate);
  try {
    const code = await run(controller.signal);
    const exitCode = terminated ? EXIT_SIGTERM : code;
    if (controller.signal.aborted) await leave(output, exitCode);
    return exitCode;
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', terminate).off('SIGHUP', terminate);
  }
}

/** What is written and not taken would keep the process: whoever reads has a moment for it. */
async function leave(output: Output, exitCode: number): Promise<void> {
  await output.flushed(AbortSignal.timeout(LAST_WORDS_MS)).catch(() => process.exit(exitCode));
}
