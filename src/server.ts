#!/usr/bin/env node
import { helpText, readCommandLine } from './config/command-line.js';
import { ConfigError } from './config/config-error.js';
import { validateCommand } from './groups-file/validate-command.js';
import { StateDirectoryError } from './store/state-directory-error.js';
import { VERSION } from './version.js';

async function main(): Promise<void> {
  const line = readCommandLine(process.argv.slice(2), process.env);
  switch (line.command) {
    case 'help':
      process.stdout.write(helpText());
      break;
    case 'version':
      process.stdout.write(`${VERSION}\n`);
      break;
    case 'validate':
      process.exitCode = await validateCommand(line.args, process.env, {
        stdout: (text) => process.stdout.write(text),
        stderr: (text) => process.stderr.write(text),
      });
      break;
    case 'serve': {
      // Only now: what the service is made of takes longer to load than to say what is wrong with a flag.
      const { serve } = await import('./serve.js');
      await serve(line.config);
    }
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof StateDirectoryError)) throw error;
  process.stderr.write(`parallel-workers: ${error.message}\n`);
  process.exit(2);
}
