#!/usr/bin/env node
import { clientCommand } from './cli/syntax.js';

// Everything is loaded only when it is needed: what the service is made of takes longer to load than a command for
// people may take.
async function main(args: readonly string[]): Promise<void> {
  const [first, ...others] = args;
  // As people type it: `help start` is `start --help`.
  if (first === 'help') return main([...others, '--help']);
  const client = clientCommand(first);
  if (client !== undefined) {
    const [{ runClient }, { processOutput }] = await Promise.all([
      import('./cli/run.js'),
      import('./cli/output.js'),
    ]);
    process.exitCode = await runClient(client, others, process.env, processOutput());
  } else if (first === 'validate') {
    const { validateCommand } = await import('./groups-file/validate-command.js');
    process.exitCode = await validateCommand(others, process.env, {
      stdout: (text) => process.stdout.write(text),
      stderr: (text) => process.stderr.write(text),
    });
  } else await service(args);
}

async function service(args: readonly string[]): Promise<void> {
  const [{ helpText, readCommandLine }, { ConfigError }, { StateDirectoryError }] = await Promise.all([
    import('./config/command-line.js'),
    import('./config/config-error.js'),
    import('./store/state-directory-error.js'),
  ]);
  try {
    const line = readCommandLine(args, process.env);
    switch (line.command) {
      case 'help':
        process.stdout.write(helpText());
        break;
      case 'version': {
        const { VERSION } = await import('./version.js');
        process.stdout.write(`${VERSION}\n`);
        break;
      }
      case 'serve': {
        // Only now: it takes longer to load than to say what is wrong with a flag.
        const { serve } = await import('./serve.js');
        await serve(line.config);
      }
    }
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof StateDirectoryError)) throw error;
    process.stderr.write(`parallel-workers: ${error.message}\n`);
    process.exit(2);
  }
}

await main(process.argv.slice(2));
