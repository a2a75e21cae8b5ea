import { runClient } from '#dist/cli/run.js';
import { clientCommand } from '#dist/cli/syntax.js';
import type { Run } from './command.js';

export interface ClientRun extends Run {
  code: number;
}

/** Runs a command that talks to a service in the process of the test, with this environment alone. */
export async function runClientCommand(
  [name, ...args]: readonly string[],
  environment: Record<string, string>,
): Promise<ClientRun> {
  const command = clientCommand(name);
  if (command === undefined) throw new Error(`${name} is no such command`);
  let stdout = '';
  let stderr = '';
  const code = await runClient(command, args, environment, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    flushed: async () => {},
    isTerminal: false,
    size: () => ({ columns: 80, rows: 24 }),
  });
  return { code, stdout, stderr };
}
