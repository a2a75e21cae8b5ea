import { join } from 'node:path';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyServerOptions,
} from 'fastify';
import { type AccessOptions, access } from './api/access/access.js';
import { TIMEOUTS, type Timeouts } from './api/access/timeouts.js';
import { docs } from './api/docs.js';
import { eventRoutes, HEARTBEAT_MS } from './api/events.js';
import { feedRoutes } from './api/feed.js';
import { groupRoutes } from './api/groups.js';
import { healthRoutes } from './api/health.js';
import { lifecycleRoutes } from './api/lifecycle.js';
import { logRoutes } from './api/logs.js';
import { metricsRoutes } from './api/metrics.js';
import { pageRoutes } from './api/page.js';
import { answerClientError, problems, sendProblem, toProblemError } from './api/problems.js';
import { reloadRoutes } from './api/reload.js';
import { BODY_LIMIT_BYTES, parseQuery, requests } from './api/requests.js';
import { sharedSerializers } from './api/serializers.js';
import { Streams } from './api/streams/streams.js';
import { Commands } from './api/waiting.js';
import { type Clock, systemClock } from './clock.js';
import { fenceRefusal } from './config/fence-refusal.js';
import { connectionBound, descriptorLimit, portTakeBound } from './connection-bound.js';
import { Coordinator } from './coordinator/coordinator.js';
import type { HostFactory } from './coordinator/host.js';
import { logEvent, logMessage } from './event-log.js';
import { EventJournal } from './events/event-journal.js';
import { groupSummary, recordEvents } from './events/recorder.js';
import { FeedSockets } from './feed-sockets.js';
import { parseAside } from './groups-file/parse-thread.js';
import { Reloader } from './groups-file/reloader.js';
import { HostDirectories } from './host/directories.js';
import { hostEnvironment } from './host/environment.js';
import { hostHandles } from './host/handle.js';
import { SpareHosts } from './host/spare-hosts.js';
import { type HostStarter, hostStarter } from './host/start-host.js';
import { hostTitle } from './host/title.js';
import { GroupLogs } from './logs/group-logs.js';
import { Metrics } from './metrics/metrics.js';
import { SPEC_SCHEMAS } from './schemas/group-spec.js';
import { STATUS_SCHEMAS } from './schemas/group-status.js';
import { LogLine } from './schemas/log-line.js';
import { Problem } from './schemas/problem.js';
import { ReloadReport } from './schemas/reload-report.js';
import { StartReport, StopReport } from './schemas/reports.js';
import { ServiceEvent } from './schemas/service-event.js';
import { VALIDATION_RULES } from './schemas/validation.js';
import { StateDirectory } from './store/state-directory.js';
import { StateDirectoryError } from './store/state-directory-error.js';
import { moduleResolver } from './worker-modules.js';

/** What requests that are under way get to end, once every group has. */
const CLOSE_MS = 1_000;

export interface AppOptions {
  /** Directory that every worker module is in. */
  readonly workersDir: string;
  /** The most workers that all groups together may have at work. */
  readonly maxWorkers: number;
  /** The most groups that may be registered. */
  readonly maxGroups: number;
  /**
   * Where registrations are kept over the end of the service, and the hosts' working directories are. Without one,
   * registrations are in memory alone, and those directories in the system's temporary one.
   */
  readonly stateDir?: string;
  /** Path of the file that groups are declared in; without one there are only those that REST has registered. */
  readonly groupsFile?: string | undefined;
  /** Variables of the environment that hosts get besides the usual ones: names, or prefixes like `AWS_*`. */
  readonly workerEnv?: readonly string[];
  /** How many hosts are kept ready for starts to come; none by default. */
  readonly warmHosts?: number | undefined;
  /** Whether hosts run within Node's permission model; false by default. */
  readonly permissions?: boolean;
  /** Who may call, and how much. By default whoever reaches the service by address or as localhost. */
  readonly access?: AccessOptions;
  /** Directory of the sockets that feeds are served on; by default one in the state directory. */
  readonly feedDir?: string;
  readonly logger?: FastifyServerOptions['logger'];
  /** How many lines of the log its destination has dropped so far. */
  readonly droppedLogLines?: () => number;
  /** For tests; real time by default. */
  readonly clock?: Clock;
  /** For tests; real processes by default. */
  readonly createHost?: HostFactory;
  /** For tests; how often a stream shows that it lives, and how many there may be. */
  readonly streams?: { readonly heartbeatMs?: number; readonly most?: number };
  /** For tests; how long slow clients may take. */
  readonly timeouts?: Partial<Timeouts>;
}

export interface App {
  readonly server: FastifyInstance;
  readonly coordinator: Coordinator;
  /** Brings groups in line with the groups file. Nothing is loaded yet. */
  readonly reloader: Reloader;
}

/**
 * Puts the service together: the one composition root, for production and tests alike. Listens on nothing yet, and
 * starts no group: that is for `coordinator.resume()`, once the server listens.
 * @throws StateDirectoryError, ConfigError; Error when permissions are asked for that this Node does not have
 */
export async function buildApp(options: AppOptions): Promise<App> {
  const state = options.stateDir === undefined ? undefined : await StateDirectory.open(options.stateDir);
  try {
    return await assemble(options, state);
  } catch (error) {
    // Nobody has the app that would let go of it, and whoever tries again is another service to the lock.
    state?.close();
    throw error;
  }
}

function newServer(options: AppOptions) {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  return Fastify({
    logger: options.logger ?? false,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    // A request without a Host header is answered with a problem, like every other mistake.
    http: {
      requireHostHeader: false,
      headersTimeout: timeouts.headersMs,
      connectionsCheckingInterval: timeouts.checkMs,
    },
    // Until the end /livez and /metrics answer, and commands are refused with a problem.
    return503OnClosing: false,
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: 'idle',
    routerOptions: { querystringParser: parseQuery },
    ajv: { customOptions: VALIDATION_RULES },
    schemaController: { compilersFactory: { buildSerializer: sharedSerializers() } },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply: FastifyReply) => sendProblem(reply, toProblemError(error)),
  }).withTypeProvider<TypeBoxTypeProvider>();
}

async function assemble(options: AppOptions, state: StateDirectory | undefined): Promise<App> {
  const clock = options.clock ?? systemClock;
  const server = newServer(options);
  const directories = await hostDirectories(options.stateDir);
  const resolveModule = moduleResolver(options.workersDir);
  const sockets = new FeedSockets(options);
  const starter = newHostStarter(options, directories, sockets);
  const removeDirectory = (directory: string) => directories.remove(directory);
  const spareHosts = new SpareHosts({
    count: options.warmHosts ?? 0,
    clock,
    starter,
    removeDirectory,
    busy: () => coordinator.list().some(({ state }) => state === 'starting'),
    onFailure: (reason) => server.log.warn({ reason }, `no host can be kept ready: ${reason}`),
  });
  const createHost = hostHandles({
    clock,
    start: (spec) => spareHosts.take(spec) ?? starter.start(spec, hostTitle(spec.name)),
    removeDirectory,
  });
  const coordinator: Coordinator = new Coordinator({
    ...(state !== undefined && { store: state }),
    clock,
    createHost: options.createHost ?? createHost,
    resolveModule,
    feedSocket: (group) => sockets.of(group),
    random: Math.random,
    maxWorkers: options.maxWorkers,
    maxGroups: options.maxGroups,
    onListenerError: (error) => server.log.error({ err: error }, 'an event listener failed'),
  });
  const { journal, logs } = watch(coordinator, clock, server.log);
  if (state !== undefined) {
    server.addHook('onClose', async () => state.close());
    coordinator.restore(await state.load());
    for (const { file, reason } of state.setAside)
      server.log.error({ file, reason }, `${file} in the state directory cannot be used: ${reason}`);
  }
  coordinator.events.on('ended', ({ group, servedFeed }) => {
    if (servedFeed) sockets.remove(group);
  });
  const metrics = new Metrics(coordinator, options.droppedLogLines);
  const streams = new Streams(server.server, { clock, meter: metrics, most: options.streams?.most });
  server.addHook('onRequest', async ({ raw }, reply) => {
    if (streams.refuses(raw)) reply.hijack();
  });
  const reloader = new Reloader({
    file: options.groupsFile,
    coordinator,
    limits: { maxWorkers: options.maxWorkers, maxGroups: options.maxGroups },
    resolveModule,
    parse: parseAside,
  });

  await server.register(problems);
  await server.register(requests);
  // A group has a worker at least, and a host at most.
  const mostHosts = Math.min(options.maxGroups, options.maxWorkers) + (options.warmHosts ?? 0);
  const maxConnections = options.access?.maxConnections ?? connectionBound(descriptorLimit(), mostHosts);
  await server.register(access, { ...options.access, maxConnections });
  await server.register(docs);
  const schemas = [
    ...SPEC_SCHEMAS,
    ...STATUS_SCHEMAS,
    StopReport,
    StartReport,
    ReloadReport,
    Problem,
    ServiceEvent,
    LogLine,
  ];
  for (const schema of schemas) server.addSchema(schema);
  await server.register(metricsRoutes, { metrics });
  await server.register(pageRoutes);
  const commands = new Commands();
  await server.register(groupRoutes, { coordinator, commands });
  const { heartbeatMs = HEARTBEAT_MS } = options.streams ?? {};
  await server.register(eventRoutes, { journal, streams, heartbeatMs });
  await server.register(logRoutes, { coordinator, logs, streams });
  await server.register(lifecycleRoutes, { coordinator, commands, clock });
  await server.register(healthRoutes, { coordinator, setAside: state?.setAside ?? [] });
  await server.register(reloadRoutes, { reloader });
  await server.register(feedRoutes, { coordinator, clock, mostTakes: portTakeBound(descriptorLimit()) });
  server.addHook('onListen', async () => spareHosts.open());
  server.addHook('preClose', async () => {
    await coordinator.close();
    await spareHosts.close();
    // Not before: whoever watches sees the end.
    journal.end();
    logs.end();
    setTimeout(() => server.server.closeAllConnections(), CLOSE_MS).unref();
  });
  server.addHook('onClose', () => directories.close());
  server.addHook('onClose', async () => sockets.close());
  await server.ready();
  return { server, coordinator, reloader };
}

/** Keeps what happens, and what workers say, for those who watch, and writes the same to the log. */
function watch(coordinator: Coordinator, clock: Clock, log: FastifyBaseLogger) {
  const journal = new EventJournal((group) => ({
    type: 'snapshot',
    at: clock.date().toISOString(),
    groups: coordinator
      .list()
      .filter(({ name }) => group === undefined || name === group)
      .map(groupSummary),
  }));
  recordEvents(coordinator, clock, (event) => {
    journal.append(event);
    logEvent(event, log);
  });
  coordinator.events.on('message', ({ group, message }) => logMessage(group, message, log));
  return { journal, logs: new GroupLogs(coordinator.events, clock) };
}

async function hostDirectories(stateDir: string | undefined): Promise<HostDirectories> {
  if (stateDir === undefined) return HostDirectories.open();
  try {
    return await HostDirectories.open(join(stateDir, 'hosts'));
  } catch (error) {
    throw new StateDirectoryError(stateDir, `cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

/** What starts the processes of hosts, with what they get of the service's environment and of the file system. */
function newHostStarter(
  options: AppOptions,
  directories: HostDirectories,
  sockets: FeedSockets,
): HostStarter {
  const refusal = options.permissions === true ? fenceRefusal() : undefined;
  if (refusal !== undefined) throw new Error(refusal);
  const environment = hostEnvironment(process.env, options.workerEnv ?? []);
  // Its flags are added to those of the command line: it could widen the fence.
  if (options.permissions === true) delete environment['NODE_OPTIONS'];
  return hostStarter({
    environment,
    directories,
    fencedTo: options.permissions ? options.workersDir : undefined,
    feedSocket: (group) => sockets.of(group),
  });
}
