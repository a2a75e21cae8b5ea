import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { basename, delimiter, dirname, join, posix } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { Copy, DockerfileParser, Entrypoint, Env, From } from 'dockerfile-ast';
import { parse } from 'yaml';
import { settingsTable } from '#dist/config/settings.js';
import { npmEnvironment, requires, requiresRegistry } from '../support/requires.js';
import { type LogRecord, MODULES, ROOT, Service, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** A stage of the Dockerfile. */
interface Stage {
  /** The folder that stands for its root file system. */
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  entrypoint: string[];
  healthcheck: string[];
  /** RUN commands that change the system, such as apt-get: they are not run. */
  system: string[];
}

interface ComposeService {
  image?: string;
  init: boolean;
  read_only: boolean;
  cap_drop: string[];
  security_opt: string[];
  user?: string;
  volumes: string[];
  environment?: Record<string, string>;
  ports?: string[];
  command?: string[];
  depends_on?: Record<string, { condition: string }>;
  stop_grace_period?: string;
}

const SERVICE = 'parallel-workers';
const RUN_MS = 240_000;

const instructions = DockerfileParser.parse(text('Dockerfile')).getInstructions();
const compose: { services: Record<string, ComposeService>; volumes: Record<string, unknown> } = parse(
  text('docker-compose.yml'),
  { merge: true },
);

function text(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Does what the Dockerfile says, without a container engine, and returns its last stage. */
function build(folder: string): Stage {
  return follow((number) => join(folder, `stage-${number}`), { copy, run });
}

/** What the Dockerfile says of the image, without building it. */
function described(): Stage {
  return follow(() => '', { copy: () => {}, run: () => {} });
}

interface Effects {
  copy(paths: string[], from: Stage | undefined, to: Stage): void;
  run(command: string, stage: Stage): void;
}

function follow(rootOf: (stage: number) => string, { copy, run }: Effects): Stage {
  const stages = new Map<string, Stage>();
  let stage = newStage('', undefined);
  for (const instruction of instructions) {
    const keyword = instruction.getKeyword();
    const content = instruction.getArgumentsContent() ?? '';
    if (instruction instanceof From) {
      stage = newStage(rootOf(stages.size), stages.get(instruction.getImage() ?? ''));
      stages.set(instruction.getBuildStage() ?? '', stage);
    } else if (instruction instanceof Copy) {
      const paths = instruction.getArguments().map((argument) => argument.getValue());
      copy(paths, stages.get(instruction.getFromFlag()?.getValue() ?? '-'), stage);
    } else if (instruction instanceof Env) {
      for (const item of instruction.getProperties()) stage.env[item.getName()] = item.getValue() ?? '';
    } else if (instruction instanceof Entrypoint) stage.entrypoint = execForm(content);
    else if (keyword === 'HEALTHCHECK') stage.healthcheck = execForm(content.replace(/^CMD\s+/, ''));
    else if (keyword === 'WORKDIR') stage.workdir = posix.resolve(stage.workdir, content);
    else if (keyword === 'USER') stage.user = content;
    else if (keyword === 'RUN' && content.startsWith('apt-get')) stage.system.push(content);
    else if (keyword === 'RUN') run(content, stage);
    else assert.equal(keyword, 'EXPOSE', 'this test does not know this instruction');
  }
  return stage;
}

function newStage(root: string, parent: Stage | undefined): Stage {
  assert(parent === undefined || !existsSync(parent.root), 'this test cannot build upon a stage with files');
  const { workdir = '/', env = {}, user = 'root', system = [] } = parent ?? {};
  return { root, workdir, env: { ...env }, user, system: [...system], entrypoint: [], healthcheck: [] };
}

/** The words of an exec form. With the shell form, a shell would get the signals. */
function execForm(content: string): string[] {
  assert.match(content, /^\[.*\]$/s, `not in exec form: ${content}`);
  return JSON.parse(content);
}

function copy(paths: string[], from: Stage | undefined, to: Stage): void {
  const target = paths.at(-1) ?? '';
  for (const path of paths.slice(0, -1)) {
    if (from === undefined) assert(isInContext(path), `${path} is not in the build context (.dockerignore)`);
    const source = join(from?.root ?? ROOT, path);
    const name = target.endsWith('/') && statSync(source).isFile() ? basename(path) : '';
    cpSync(source, join(to.root, posix.resolve(to.workdir, target), name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}

function isInContext(path: string): boolean {
  const rules = text('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(rules[0], '*', 'this test knows a list of what goes in, which is the safe kind');
  for (const rule of rules.slice(1)) assert.match(rule, /^![\w.-]+$/);
  return rules.includes(`!${path}`);
}

function run(command: string, stage: Stage): void {
  const cwd = join(stage.root, stage.workdir);
  mkdirSync(cwd, { recursive: true });
  // What `npm ci` of the checkout has downloaded need not be downloaded again.
  const env = { ...machineEnvironment(), npm_config_prefer_offline: 'true', ...stage.env };
  const options = { cwd, env, encoding: 'utf8', timeout: RUN_MS } as const;
  const { status, output, error } = spawnSync('/bin/sh', ['-c', command], options);
  assert.equal(status, 0, `RUN ${command} ended with ${status} ${error ?? ''}\n${output?.join('\n')}`);
}

/**
 * What a build has to know of this machine, and nothing of this test run: no settings of the service, no tools of
 * the checkout, not what npm told the tests, no measuring of coverage.
 */
function machineEnvironment(): NodeJS.ProcessEnv {
  const wanted =
    /^(HOME|TMPDIR|\w+_proxy|NODE_EXTRA_CA_CERTS|npm_config_(registry|cache|userconfig|cafile))$/i;
  const kept = Object.entries(npmEnvironment()).filter(([name]) => wanted.test(name));
  const path = process.env['PATH']?.split(delimiter).filter((folder) => !folder.startsWith(ROOT)) ?? [];
  return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), ...path].join(delimiter) };
}

/** The files and folders below a folder, with what a write changes of them. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => ({ path, stat: statSync(join(folder, path)) }))
    .map(({ path, stat }) => `${path} ${stat.size} ${stat.mtimeMs}`)
    .sort();
}

/** Runs a command of the image where and as the image would. */
function spawnIn(image: Stage, words: string[], environment: Record<string, string>) {
  const [command = '', ...args] = words;
  return spawn(command, args, {
    cwd: join(image.root, image.workdir),
    env: { ...machineEnvironment(), ...image.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Starts what tini would start. */
function spawnEntrypoint(t: TestContext, image: Stage, environment: Record<string, string>) {
  const child = spawnIn(image, image.entrypoint.slice(image.entrypoint.indexOf('--') + 1), environment);
  t.after(() => exitCode(child, 'SIGKILL'));
  return child;
}

async function exitCode(child: ChildProcess, signal?: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    if (signal !== undefined) child.kill(signal);
    await exited;
  }
  return child.exitCode;
}

async function startImage(
  t: TestContext,
  image: Stage,
  environment: Record<string, string>,
): Promise<Service> {
  const child = spawnEntrypoint(t, image, environment);
  child.stderr.pipe(process.stderr);
  const log: LogRecord[] = [];
  const port = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code, signal) =>
      reject(new Error(`ended with ${code ?? signal} before it listened`)),
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
      const record = JSON.parse(line) as LogRecord;
      log.push(record);
      const [, found] = /listening at http:\S+:(\d+)/.exec(record.msg) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  return new Service(child, `http://127.0.0.1:${port}`, log);
}

/** The exit code of the image's health check. */
async function health(image: Stage, url: string): Promise<number | null> {
  return exitCode(spawnIn(image, image.healthcheck, { PW_PORT: new URL(url).port }));
}

/** The address of a server that answers everything with 503. */
async function unavailable(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(503).end());
  t.after(() => server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert(typeof address === 'object');
  return `http://127.0.0.1:${address?.port}`;
}

/** The status that somebody gets who knows the service by this name. */
async function statusAs(host: string, url: string): Promise<number | undefined> {
  const [response] = await once(request(url, { headers: { host } }).end(), 'response');
  response.resume();
  return response.statusCode;
}

test('the image', requiresRegistry(), async (t) => {
  const image = build(temporaryDirectory(t));
  const app = join(image.root, image.workdir);
  const workers = temporaryDirectory(t);
  copyFileSync(join(MODULES, 'millisecond.mjs'), join(workers, 'millisecond.mjs'));
  const environment = {
    ...composed(SERVICE).environment,
    PW_PORT: '0',
    PW_WORKERS_DIR: workers,
    PW_STATE_DIR: temporaryDirectory(t),
  };

  await t.test('holds the program and what it needs to run, and nothing else', () => {
    const expected = ['dist', 'node_modules', 'openapi', 'package-lock.json', 'package.json'];
    assert.deepEqual(readdirSync(app).sort(), expected);
    const { packages } = JSON.parse(readFileSync(join(app, 'node_modules/.package-lock.json'), 'utf8'));
    const installed = Object.entries<{ dev?: boolean }>(packages);
    assert(installed.length > 0);
    assert.deepEqual(
      installed.flatMap(([path, { dev }]) => (dev ? [path] : [])),
      [],
    );
  });

  await t.test('does not listen to the world before it is told to', async (t) => {
    const child = spawnEntrypoint(t, image, { ...environment, PW_INSECURE: 'false' });
    child.stdout.resume();
    const complaint = child.stderr.setEncoding('utf8').toArray();
    assert.equal(await until('the service to end', () => child.exitCode ?? undefined), 2);
    assert.match((await complaint).join(''), /PW_HOST=0\.0\.0\.0 .*PW_TOKEN_FILE.*PW_INSECURE=true/);
  });

  await t.test('runs groups, knows whether it is healthy, writes nothing, ends on SIGTERM', async (t) => {
    const before = filesBelow(app);
    const service = await startImage(t, image, environment);
    assert.equal((await service.call('GET', '/readyz')).status, 200);
    assert.equal(await health(image, service.url), 0);
    for (const path of ['/readyz', '/metrics', '/v1/groups'])
      assert.equal(await statusAs(`${SERVICE}:8080`, service.url + path), 200);

    await service.register({ name: 'ms', module: 'millisecond.mjs' });
    await service.start('ms');
    await service.reaches('ms', 'running');

    assert.equal(await service.end('SIGTERM'), 0);
    assert.deepEqual(
      service.log.filter(({ level }) => level >= 50),
      [],
    );
    assert.notEqual(await health(image, service.url), 0, 'healthy, though nobody listens');
    assert.notEqual(await health(image, await unavailable(t)), 0, 'healthy, though it answers 503');
    assert.deepEqual(filesBelow(app), before);
  });
});

test('the image runs as a user of its own, below an init', () => {
  const { user, entrypoint, system } = described();
  assert.match(user, /^[1-9]\d*:[1-9]\d*$/, 'runAsNonRoot of Kubernetes takes a number only');
  assert.equal(entrypoint[0], 'tini');
  assert.match(system.join(), /apt-get install .*\btini\b/);
});

test('images are pinned to a version and name no registry', () => {
  const froms = instructions.filter((instruction) => instruction instanceof From);
  const stages = froms.map((from) => from.getBuildStage());
  const images = [
    ...froms.map((from) => from.getImage() ?? '').filter((image) => !stages.includes(image)),
    ...Object.values(compose.services).flatMap(({ image }) => image ?? []),
  ];
  for (const image of images) assert.match(image, /^([a-z]+\/)?[a-z]+:v?\d+\.\d+\.\d+(-[a-z-]+)?$/);
});

test('what the image and compose set are settings of the service', () => {
  const known = settingsTable().map(({ variable }) => variable);
  const used = Object.keys({ ...described().env, ...composed(SERVICE).environment });
  assert.deepEqual(
    used.filter((name) => !known.includes(name)),
    ['NODE_ENV'],
  );
});

function composed(name: string): ComposeService {
  const found = compose.services[name];
  assert(found, `compose has no service ${name}`);
  return found;
}

/** The parts of each `source:target:mode`. */
function mounts({ volumes }: ComposeService) {
  return volumes.map((volume) => {
    const [source = '', target = '', mode] = volume.split(':');
    return { source, target, mode };
  });
}

/** The port on which the service is reached by other containers. */
function containerPort(): string | undefined {
  return composed(SERVICE).ports?.[0]?.split(':')[2];
}

function defaultOf(setting: string): string | undefined {
  return settingsTable().find(({ variable }) => variable === setting)?.default;
}

for (const [name, service] of Object.entries(compose.services)) {
  test(`compose: ${name} gets no more rights than it needs`, () => {
    assert.equal(service.init, true);
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ['ALL']);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true']);
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
    for (const { source, mode } of mounts(service)) {
      const isFolder = source.startsWith('.');
      assert(isFolder ? existsSync(join(ROOT, source)) : source in compose.volumes, `there is no ${source}`);
      assert.equal(mode, isFolder ? 'ro' : undefined);
    }
  });
}

test('compose: the service finds its workers, and has the time that its groups may take to stop', () => {
  const service = composed(SERVICE);
  const workers = mounts(service).find(({ target }) => target === described().env['PW_WORKERS_DIR']);
  assert(existsSync(join(ROOT, workers?.source ?? '', 'digits/worker.mjs')));
  assert(Number.parseInt(service.stop_grace_period ?? '', 10) > Number(defaultOf('PW_SHUTDOWN_SECONDS')) + 2);
});

test('compose: the trainer finds its program, the service and the sockets', () => {
  const [service, trainer] = [composed(SERVICE), composed('trainer')];
  const [, program = '', ...flags] = trainer.command ?? [];
  const code = mounts(trainer).find(({ target }) => program.startsWith(`${target}/`));
  assert(code, `nothing is mounted for ${program}`);
  const source = text(program.replace(code.target, code.source));
  const given = new Map(flags.map((flag) => flag.split('=', 2) as [string, string]));
  for (const flag of given.keys()) assert(source.includes(`"${flag}"`), `the trainer knows no ${flag}`);
  assert.equal(given.get('--url'), `http://${SERVICE}:${containerPort()}`);
  assert.equal(trainer.depends_on?.[SERVICE]?.condition, 'service_healthy');

  const feed = service.environment?.['PW_FEED_DIR'];
  const [here, there] = [service, trainer].map((of) => mounts(of).find(({ target }) => target === feed));
  assert(here, `${feed} is not mounted in the service`);
  assert.deepEqual(here, there);
  const image = described();
  assert.equal(trainer.user, image.user);
  assert.match(
    image.system.join(),
    new RegExp(`install --directory --owner=node --group=node --mode=0700 ${feed}\\b`),
  );
});

test('compose: Prometheus scrapes the service', () => {
  const [config] = mounts(composed('prometheus'));
  assert.equal(
    config?.target,
    '/etc/prometheus/prometheus.yml',
    'where the image of Prometheus looks for it',
  );
  const [job] = parse(text(config.source)).scrape_configs;
  assert.deepEqual(job.static_configs, [{ targets: [`${SERVICE}:${containerPort()}`] }]);
  assert.equal(containerPort(), defaultOf('PW_PORT'));
});

test('compose: Prometheus finds its rules', () => {
  const [config, ...others] = mounts(composed('prometheus'));
  assert(config);
  const { rule_files: files } = parse(text(config.source));
  assert.ok(files.length > 0);
  for (const file of files)
    assert(
      others.some(({ target }) => target === posix.resolve('/etc/prometheus', file)),
      `nothing is mounted for ${file}`,
    );
});

test('compose: Prometheus takes its configuration', requires('promtool'), () => {
  const config = join(ROOT, 'deploy/prometheus/prometheus.yml');
  const { status, output } = spawnSync('promtool', ['check', 'config', config], { encoding: 'utf8' });
  assert.equal(status, 0, output.join('\n'));
});
