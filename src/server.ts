#!/usr/bin/env node
import { helpText, readCommandLine } from './config/command-line.js';
import { ConfigError } from './config/config-error.js';
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
      throw new ConfigError('validate is not there yet');
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
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`parallel-workers: ${error.message}\n`);
  process.exit(2);
}
