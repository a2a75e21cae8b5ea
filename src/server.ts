#!/usr/bin/env node
import closeWithGrace from 'close-with-grace';
import { buildApp } from './app.js';
import { type Config, ConfigError, helpText, readCommandLine } from './config.js';
import { VERSION } from './version.js';

/** What there is for the rest, after the groups have ended. */
const CLOSE_MS = 2_000;

/** EX_SOFTWARE of sysexits.h: a critical group has failed for good, and whoever supervises the service should act. */
const EXIT_CRITICAL = 70;

async function main(): Promise<void> {
  const { argv, env } = process;
  const line = readCommandLine(argv.slice(2), env);
  if (line.command === 'help') process.stdout.write(helpText());
  else if (line.command === 'version') process.stdout.write(`${VERSION}\n`);
  else await serve(line.config);
}

async function serve(config: Config): Promise<void> {
  const { server, coordinator } = await buildApp({
    workersDir: config.workersDir,
    maxWorkers: config.maxWorkers,
    maxGroups: config.maxGroups,
    logger: { level: config.logLevel },
  });
  const shutdownMs = config.shutdownSeconds * 1000;
  let failed: string | undefined;
  const endAtOnce = () => process.exit(failed === undefined ? 1 : EXIT_CRITICAL);
  // A second signal ends the process at once; hosts leave when their channel to it closes.
  const grace = closeWithGrace(
    {
      delay: shutdownMs + CLOSE_MS,
      logger: server.log,
      // The code tells why it ended, however that came about.
      onSecondSignal: endAtOnce,
      onTimeout: endAtOnce,
    },
    async ({ signal, err }) => {
      if (err) server.log.fatal({ err }, 'uncaught error: shutting down');
      else server.log.info(`${failed ?? signal}: shutting down`);
      const timer = setTimeout(
        () => coordinator.killAll('Killed: the service had no more time to shut down'),
        shutdownMs,
      );
      const report = await coordinator.close();
      clearTimeout(timer);
      server.log.info({ success: report.success, seconds: report.seconds }, 'all groups have ended');
      await server.close();
      if (failed !== undefined) process.exit(EXIT_CRITICAL);
    },
  );
  coordinator.events.on('criticalFailure', ({ group }) => {
    failed ??= `critical group ${group} has failed, exit code ${EXIT_CRITICAL}`;
    grace.close();
  });

  try {
    await server.listen({ host: config.host, port: config.port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const advice = code === 'EADDRINUSE' ? 'another program uses it; choose one with PW_PORT' : message;
    throw new ConfigError(`cannot listen on ${config.host} port ${config.port}: ${advice}`);
  }
  server.log.info(`worker modules come from ${config.workersDir}`);
  for (const name of config.unknown)
    server.log.warn(`${name} is not a setting of this version: it is ignored (--help lists them)`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`parallel-workers: ${error.message}\n`);
  process.exit(2);
}
