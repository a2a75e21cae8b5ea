import closeWithGrace from 'close-with-grace';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { type App, buildApp } from './app.js';
import type { Config } from './config/config.js';
import { ConfigError } from './config/config-error.js';
import { Doors } from './doors.js';
import { ProblemError } from './errors.js';
import { reloadOnHangup } from './groups-file/hangup.js';
import { logReload } from './groups-file/reload-log.js';
import type { Reloader } from './groups-file/reloader.js';
import { listen } from './listen.js';
import { LogDestination } from './log-destination.js';

/**
 * Of the time to end in, what stays for the answers that are under way once the groups have ended: this share of
 * it, and at most so much.
 */
const CLOSING = { share: 0.2, mostMs: 2_000 };

/** After the time to end in, what nobody could foresee still gets this, and then the process ends. */
const OVERTIME_MS = 2_000;

/** EX_SOFTWARE of sysexits.h: a critical group has failed for good, and whoever supervises the service should act. */
const EXIT_CRITICAL = 70;

/**
 * Runs the service until a signal ends it.
 * @throws ConfigError, StateDirectoryError when it cannot start with this configuration
 */
export async function serve(config: Config): Promise<void> {
  const log = new LogDestination();
  process.once('exit', () => log.end());
  const app = await buildApp({
    workersDir: config.workersDir,
    stateDir: config.stateDir,
    ...(config.feedDir !== undefined && { feedDir: config.feedDir }),
    groupsFile: config.groupsFile,
    access: {
      token: config.token,
      readToken: config.readToken,
      allowedHosts: config.allowedHosts,
      rateLimit: config.rateLimit,
    },
    workerEnv: config.workerEnv,
    permissions: config.permissions,
    maxWorkers: config.maxWorkers,
    maxGroups: config.maxGroups,
    warmHosts: config.warmHosts,
    logger: { level: config.logLevel, stream: log },
    droppedLogLines: () => log.dropped,
  });
  const { server, coordinator, reloader } = app;
  const doors = new Doors(server);
  endGracefully(app, doors, config.shutdownSeconds * 1000);
  try {
    await declareGroups(reloader, server.log);
    await listen(server, config, doors);
  } catch (error) {
    // What a signal that came meanwhile has closed is no mistake of the configuration: that signal ends the process.
    if (coordinator.closing) return;
    throw error;
  }
  void coordinator.resume((group) => group.startsWithService);
  tell(server, config);
}

/** Registers what the groups file declares, now and on each SIGHUP. @throws ConfigError when the file is not valid */
async function declareGroups(reloader: Reloader, log: FastifyBaseLogger): Promise<void> {
  // A signal that comes while the file is read for the first time would end the service; so its turn comes after that.
  reloadOnHangup(reloader, log);
  try {
    const report = await reloader.load();
    if (report !== undefined) logReload(report, log);
  } catch (error) {
    throw error instanceof ProblemError ? new ConfigError(error.message) : error;
  }
}

function tell({ log }: FastifyInstance, config: Config): void {
  log.info(`worker modules come from ${config.workersDir}`);
  for (const name of config.unknown)
    log.warn(`${name} is not a setting of this version: it is ignored (--help lists them)`);
}

/**
 * On SIGTERM, SIGINT or an error that nobody caught: takes no more commands, stops the groups, lets answers end, and
 * exits. A second signal ends the process at once; hosts leave when their channel to it closes.
 */
function endGracefully({ server, coordinator, reloader }: App, doors: Doors, shutdownMs: number): void {
  let failed: string | undefined;
  const groupsMs = shutdownMs - Math.min(CLOSING.mostMs, CLOSING.share * shutdownMs);
  // The code tells why it ended, however that came about.
  const endAtOnce = () => process.exit(failed === undefined ? 1 : EXIT_CRITICAL);
  const grace = closeWithGrace(
    {
      delay: shutdownMs + OVERTIME_MS,
      // With a groups file it asks for that to be read again.
      ...(reloader.file !== undefined && { skip: ['SIGHUP' as const] }),
      logger: server.log,
      onSecondSignal: endAtOnce,
      onTimeout: endAtOnce,
    },
    async ({ signal, err }) => {
      if (err) server.log.fatal({ err }, 'uncaught error: shutting down');
      else server.log.info(`${failed ?? signal}: shutting down`);
      const timer = setTimeout(
        () => coordinator.killAll('Killed: the service had no more time to shut down'),
        groupsMs,
      );
      await coordinator.close();
      clearTimeout(timer);
      await Promise.all([server.close(), doors.close()]);
      if (failed !== undefined) process.exit(EXIT_CRITICAL);
    },
  );
  coordinator.events.on('criticalFailure', ({ group }) => {
    failed ??= `critical group ${group} has failed, exit code ${EXIT_CRITICAL}`;
    grace.close();
  });
}
