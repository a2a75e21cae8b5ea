import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { DockerfileParser, Env } from 'dockerfile-ast';
import { parse } from 'yaml';
import { settingsTable } from '#dist/config/settings.js';
import { requires } from '../support/requires.js';
import { ROOT, startService } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

interface Probe {
  httpGet: { path: string; port: string };
  periodSeconds: number;
  failureThreshold?: number;
}

interface Container {
  name: string;
  image: string;
  restartPolicy?: string;
  command?: string[];
  env: { name: string; value?: string; valueFrom?: { secretKeyRef: { name: string; key: string } } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  resources: { requests: Record<string, string>; limits: Record<string, string> };
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

interface Volume {
  name: string;
  emptyDir?: Record<string, never>;
  configMap?: { name: string };
  secret?: { secretName: string; defaultMode: number; items: { key: string; path: string }[] };
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
/** As Kubernetes reads YAML: 0440 is octal. */
const manifest = (name: string) => parse(read(`deploy/kubernetes/${name}.yaml`), { version: '1.1' });

const job = manifest('job');
const pod = job.spec.template.spec as {
  restartPolicy: string;
  terminationGracePeriodSeconds: number;
  automountServiceAccountToken: boolean;
  enableServiceLinks: boolean;
  securityContext: Record<string, unknown>;
  initContainers: Container[];
  containers: Container[];
  volumes: Volume[];
};
const podLabels: Record<string, string> = job.spec.template.metadata.labels;

function only<T>(list: readonly T[]): T {
  const [first, ...others] = list;
  assert(first !== undefined && others.length === 0, `${list.length} in place of one`);
  return first;
}

const sidecar = only(pod.initContainers);
const trainer = only(pod.containers);

/** What the image sets by itself. */
const image = (() => {
  const instructions = DockerfileParser.parse(read('Dockerfile')).getInstructions();
  const content = (keyword: string) =>
    instructions.findLast((instruction) => instruction.getKeyword() === keyword)?.getArgumentsContent() ?? '';
  const env = instructions
    .filter((instruction) => instruction instanceof Env)
    .flatMap((instruction) => instruction.getProperties())
    .map((property) => [property.getName(), property.getValue() ?? ''] as const);
  return { user: content('USER'), port: Number(content('EXPOSE')), env: new Map(env) };
})();

/** A setting of the sidecar: its own, or the image's, or the default. */
function setting(name: string): string | undefined {
  const row = settingsTable().find(({ variable }) => variable === name);
  assert(row, `there is no setting ${name}`);
  return sidecar.env.find((variable) => variable.name === name)?.value ?? image.env.get(name) ?? row.default;
}

/** What is mounted at a path, or above it. */
function mounted(container: Container, path: string) {
  const mount = container.volumeMounts.find(
    ({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`),
  );
  assert(mount, `${container.name}: nothing is mounted at ${path}`);
  const volume = pod.volumes.find(({ name }) => name === mount.name);
  assert(volume, `there is no volume ${mount.name}`);
  return { mount, volume };
}

test('the service is a sidecar of the trainer, which starts when it is ready and ends it', () => {
  assert.equal(job.kind, 'Job');
  assert.equal(sidecar.restartPolicy, 'Always', 'or the trainer would wait for its end');
  assert.ok(['Never', 'OnFailure'].includes(pod.restartPolicy), 'what a Job allows');
  const [shutdown, grace] = [Number(setting('PW_SHUTDOWN_SECONDS')), pod.terminationGracePeriodSeconds];
  assert.ok(
    grace > shutdown + 10,
    `${grace} s are not enough for ${shutdown} s of shutdown, and the trainer's`,
  );
  const { version } = JSON.parse(read('package.json'));
  assert.equal(sidecar.image, `parallel-workers:${version}`);
  const inCompose = parse(read('docker-compose.yml'), { merge: true }).services.trainer.image;
  assert.equal(trainer.image, inCompose, 'one version of the trainer for all');
});

test('probes ask what needs no token, on the port of the service', () => {
  const { paths } = JSON.parse(read('openapi/openapi.json'));
  const port = only(sidecar.ports ?? []);
  assert.equal(port.containerPort, Number(setting('PW_PORT')));
  assert.equal(port.containerPort, image.port);
  const { startupProbe, readinessProbe, livenessProbe } = sidecar;
  for (const [probe, path] of [
    [startupProbe, '/readyz'],
    [readinessProbe, '/readyz'],
    [livenessProbe, '/livez'],
  ] as const) {
    assert.deepEqual(probe?.httpGet, { path, port: port.name });
    assert.deepEqual(paths[path].get.security, [], `${path} needs a token`);
  }
  const { failureThreshold = 3, periodSeconds = 10 } = startupProbe ?? {};
  assert.ok(failureThreshold * periodSeconds >= 30, 'a slow node');
  // The kubelet calls by address, and so from elsewhere.
  assert.equal(setting('PW_HOST'), '0.0.0.0');
});

test('what is set are settings, and the token comes from a Secret', () => {
  const known = settingsTable().map(({ variable }) => variable);
  for (const { name } of sidecar.env) assert.ok(known.includes(name), `${name} is no setting`);
  assert.notEqual(setting('PW_INSECURE'), 'true');
  const file = setting('PW_TOKEN_FILE') ?? '';
  const { mount, volume } = mounted(sidecar, file);
  assert.equal(mount.readOnly, true);
  const { secretName, defaultMode, items } = volume.secret ?? { secretName: '', defaultMode: 0, items: [] };
  const { key, path } = only(items);
  assert.equal(`${mount.mountPath}/${path}`, file);
  assert.equal(defaultMode, 0o440);
  const given = trainer.env.find(({ name }) => name === 'PW_TOKEN')?.valueFrom?.secretKeyRef;
  assert.deepEqual(given, { name: secretName, key }, 'the trainer has the same');
  assert.ok(!JSON.stringify(job).includes('"kind":"Secret"'), 'no secret is kept in a file');
  assert.equal(pod.enableServiceLinks, false, 'a Service could set PW_PORT');
});

test('nobody has more rights than needed', () => {
  const [uid, gid] = image.user.split(':').map(Number);
  assert.deepEqual(pod.securityContext, {
    runAsUser: uid,
    runAsGroup: gid,
    fsGroup: gid,
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  assert.equal(uid, 1000);
  assert.equal(pod.automountServiceAccountToken, false);
  for (const { name, securityContext, resources } of [sidecar, trainer]) {
    assert.deepEqual(
      securityContext,
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      name,
    );
    assert.ok(resources.requests['cpu'] && resources.requests['memory'] && resources.limits['memory'], name);
  }
});

test('what the service writes is on volumes, and the sockets of feeds are shared', () => {
  // The root file system is read-only: each of these would fail otherwise.
  for (const path of [setting('PW_STATE_DIR'), setting('PW_FEED_DIR'), '/tmp']) {
    const { mount, volume } = mounted(sidecar, path ?? '');
    assert.deepEqual([volume.emptyDir, mount.readOnly], [{}, undefined], path);
  }
  const feed = setting('PW_FEED_DIR') ?? '';
  assert.deepEqual(mounted(trainer, feed), mounted(sidecar, feed));
  const workers = sidecar.volumeMounts.find(({ mountPath }) =>
    mountPath.startsWith(`${setting('PW_WORKERS_DIR')}/`),
  );
  assert.equal(workers?.readOnly, true);
  assert.ok(mounted(sidecar, workers?.mountPath ?? '').volume.configMap);
  const used = new Set(
    [sidecar, trainer].flatMap(({ volumeMounts }) => volumeMounts.map(({ name }) => name)),
  );
  assert.deepEqual([...used].sort(), pod.volumes.map(({ name }) => name).sort());
});

test('the monitor and the policy are about this pod and this port', () => {
  const port = only(sidecar.ports ?? []);
  const fits = (labels: Record<string, string>) =>
    Object.entries(labels).every(([key, value]) => podLabels[key] === value);
  const monitor = manifest('pod-monitor');
  assert.equal(monitor.kind, 'PodMonitor');
  assert.ok(fits(monitor.spec.selector.matchLabels));
  const endpoint = only(monitor.spec.podMetricsEndpoints as { port: string; path: string }[]);
  assert.deepEqual([endpoint.port, endpoint.path], [port.name, '/metrics']);
  const jobName = podLabels[monitor.spec.jobLabel];
  assert.ok(
    read('deploy/prometheus/alerts.yml').includes(`job="${jobName}"`),
    `the alerts know no job ${jobName}`,
  );

  const policy = manifest('network-policy');
  assert.equal(policy.kind, 'NetworkPolicy');
  assert.ok(fits(policy.spec.podSelector.matchLabels));
  assert.deepEqual(policy.spec.policyTypes, ['Ingress']);
  const rule = only(policy.spec.ingress as { from: unknown[]; ports: unknown[] }[]);
  assert.deepEqual(rule.ports, [{ protocol: 'TCP', port: port.containerPort }]);
  assert.equal(rule.from.length, 1);
});

/** The example as a ConfigMap mounts it: links to links, through a folder whose name is new with each change. */
function configMapOf(t: TestContext, folder: string, mountPath: string): string {
  const root = temporaryDirectory(t);
  const directory = join(root, mountPath);
  const data = join(directory, '..2026_01_01_00_00_00.123456789');
  mkdirSync(data, { recursive: true });
  symlinkSync('..2026_01_01_00_00_00.123456789', join(directory, '..data'));
  let bytes = 0;
  for (const { name } of readdirSync(join(ROOT, folder), { withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )) {
    const content = readFileSync(join(ROOT, folder, name));
    bytes += content.length;
    writeFileSync(join(data, name), content);
    symlinkSync(join('..data', name), join(directory, name));
  }
  assert.ok(bytes < 1_000_000, `${bytes} bytes are too many for a ConfigMap`);
  return root;
}

test(
  'the trainer learns, with the workers of the ConfigMap and the token of the Secret',
  requires('python3'),
  async (t) => {
    const workers = mounted(sidecar, `${setting('PW_WORKERS_DIR')}/digits`);
    const root = configMapOf(t, 'examples/digits', workers.mount.mountPath);
    assert.match(
      read('deploy/kubernetes/job.yaml'),
      /# kubectl create configmap digits --from-file=examples\/digits\n/,
    );
    const secret = join(root, 'token');
    writeFileSync(secret, 'a-token-of-this-test\n');
    const feed = temporaryDirectory(t);
    const service = await startService(t, {
      workersDir: join(root, setting('PW_WORKERS_DIR') ?? ''),
      env: { PW_TOKEN_FILE: secret, PW_FEED_DIR: feed },
    });
    const [python = '', program = '', ...args] = trainer.command ?? [];
    const given = args.map((arg) => arg.replace('http://127.0.0.1:8080', service.url));
    assert.notDeepEqual(given, args);
    const short = ['--epochs=1', '--batches=5', '--min-accuracy=0'];
    const child = spawn(python, [join(root, program), ...given, ...short], {
      env: { PATH: process.env['PATH'], PW_TOKEN: 'a-token-of-this-test' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    t.after(() => child.kill('SIGKILL'));
    const [stdout, stderr] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    assert.equal(child.exitCode, 0, stderr);
    assert.match(stdout, /test accuracy: [\d.]+ \(\d+ digits\)/);
  },
);
