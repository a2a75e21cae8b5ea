import type { Arguments } from './arguments.js';
import { ServiceClient } from './client.js';
import { EXIT, type ExitCode, UsageError } from './failures.js';
import type { Screen } from './screen.js';
import type { Command } from './syntax.js';

/** Whoever has pressed Tab waits for it. */
const READ_MS = 1000;

/** A script from the table of commands, by shell. */
const SHELLS: Readonly<Record<string, () => Promise<(commands: readonly Command[]) => string>>> = {
  bash: async () => (await import('./completion-bash.js')).bashCompletion,
  zsh: async () => (await import('./completion-zsh.js')).zshCompletion,
  fish: async () => (await import('./completion-fish.js')).fishCompletion,
};

/** `completion SHELL` prints a script; `completion groups`, which the scripts call, the names of the groups. */
export async function completion(args: Arguments, screen: Screen): Promise<ExitCode> {
  const [shell = '', ...others] = args.operands;
  if (shell === 'groups' && others.length === 0) {
    for (const name of await groupNames(args)) screen.print(name);
    return EXIT.ok;
  }
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (script === undefined || others.length > 0) throw new UsageError('name one shell: bash, zsh or fish');
  // Only now: the flags of the service bring all that its settings are made of.
  const [{ COMMANDS }, scriptOf] = await Promise.all([import('./commands.js'), script()]);
  screen.output.stdout(scriptOf(COMMANDS));
  return EXIT.ok;
}

/** None when the service cannot be asked: a shell has no place to say why. */
async function groupNames(args: Arguments): Promise<string[]> {
  try {
    const groups = await new ServiceClient({ ...args, readMs: READ_MS }).groups();
    return groups.map(({ name }) => name).filter((name) => /^[\w.-]+$/.test(name));
  } catch {
    return [];
  }
}
