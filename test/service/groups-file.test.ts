import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { isAlive } from '../support/processes.js';
import { ROOT, type Service, type ServiceOptions, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { ITERATES, workersDir } from '../support/workers-dir.js';

type Groups = Record<string, Record<string, unknown>>;

/** A groups file, a workers directory and a state directory, and services that use them. */
class Bench {
  readonly file: string;
  readonly #t: TestContext;
  readonly #workersDir: string;
  readonly #stateDir: string;

  constructor(t: TestContext, groups: Groups) {
    const directory = temporaryDirectory(t);
    this.#t = t;
    this.#workersDir = workersDir(t, { 'iterates.mjs': ITERATES });
    this.file = join(directory, 'groups.yaml');
    this.#stateDir = join(directory, 'state');
    this.write(groups);
  }

  get options(): ServiceOptions {
    return { workersDir: this.#workersDir, stateDir: this.#stateDir, flags: ['--groups', this.file] };
  }

  start(): Promise<Service> {
    return startService(this.#t, this.options);
  }

  /** Makes these the groups of the file; each iterates, unless it says otherwise. */
  write(groups: Groups): void {
    const specs = Object.entries(groups).map(([name, fields]) => ({
      name,
      module: 'iterates.mjs',
      ...fields,
    }));
    this.writeText(stringify({ groups: specs }));
  }

  writeText(text: string): void {
    writeFileSync(this.file, text);
  }
}

/** State, origin, number of workers and host of each group. */
async function look(service: Service): Promise<Record<string, string>> {
  const { body } = await service.call('GET', '/v1/groups');
  return Object.fromEntries(
    body.groups.map(
      // biome-ignore lint/suspicious/noExplicitAny: as in Answer.
      ({ name, state, origin, workers, host }: any) => [
        name,
        `${state} ${origin} ${workers.length} ${host?.pid ?? 'none'}`,
      ],
    ),
  );
}

async function reload(service: Service, query = ''): Promise<Record<string, string>> {
  const { status, body } = await service.call('POST', `/v1/reload${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return Object.fromEntries(
    // biome-ignore lint/suspicious/noExplicitAny: as in Answer.
    body.groups.map(({ name, action, success, changes }: any) => [
      name,
      [success ? action : `not ${action}`, ...changes].join(' '),
    ]),
  );
}

const on = { autostart: true };

test('a service with a groups file', async (t) => {
  const bench = new Bench(t, { keeps: on, scales: on, restarts: on, goes: on, sleeps: {} });
  const service = await bench.start();

  await t.test('has its groups from the start, and starts those with autostart', async () => {
    for (const name of ['keeps', 'scales', 'restarts', 'goes']) await service.reaches(name, 'running');
    const { state, origin } = await service.status('sleeps');
    assert.deepEqual([state, origin], ['registered', 'file']);
    assert.ok(service.log.some(({ msg }) => msg === 'groups file: 5 created'));
  });

  await service.register({ name: 'rest', module: 'iterates.mjs' });
  await service.start('rest');
  const pids: Record<string, number> = {};
  for (const name of ['keeps', 'scales', 'restarts', 'goes', 'rest'])
    pids[name] = (await service.status(name)).host.pid;
  const plan = {
    keeps: 'unchanged',
    scales: 'changed workers labels',
    restarts: 'restarted params',
    sleeps: 'changed params',
    rest: 'not conflict',
    comes: 'created',
    goes: 'removed',
  };
  bench.write({
    keeps: on,
    scales: { ...on, workers: 3, labels: { a: 'b' } },
    restarts: { ...on, params: 1 },
    sleeps: { params: 1 },
    rest: { workers: 5 },
    comes: on,
  });

  await t.test('tells in a dry run what a reload would do, and changes nothing', async () => {
    const before = await look(service);
    assert.deepEqual(await reload(service, '?dryRun=true'), plan);
    assert.deepEqual(await look(service), before);
  });

  await t.test('touches only what has changed', async () => {
    assert.deepEqual(await reload(service), plan);
    const after = await look(service);
    const { restarts, comes, ...rest } = after;
    assert.deepEqual(rest, {
      keeps: `running file 2 ${pids['keeps']}`,
      scales: `running file 3 ${pids['scales']}`,
      sleeps: 'registered file 2 none',
      rest: `running rest 2 ${pids['rest']}`,
    });
    assert.match(restarts ?? '', /^running file 2 \d+$/);
    assert.notEqual(restarts, `running file 2 ${pids['restarts']}`);
    assert.match(comes ?? '', /^running file 2 \d+$/);
    assert.equal(isAlive(pids['goes'] ?? 0), false, 'the host of the group that went');
    assert.deepEqual(await reload(service), {
      ...Object.fromEntries(Object.keys(after).map((name) => [name, 'unchanged'])),
      rest: 'not conflict',
    });
  });

  await t.test('refuses an invalid file as a whole, with line and column of each mistake', async () => {
    bench.writeText(
      'groups:\n- name: keeps\n  module: gone.mjs\n- name: new\n  module: iterates.mjs\n  workers: "2"\n',
    );
    const before = await look(service);
    for (const query of ['', '?dryRun=true']) {
      const { status, body } = await service.call('POST', `/v1/reload${query}`);
      assert.deepEqual([status, body.code], [422, 'groups_file_invalid']);
      // biome-ignore lint/suspicious/noExplicitAny: as in Answer.
      const places = body.errors.map(({ line, column, pointer }: any) => [line, column, pointer]);
      assert.deepEqual(places, [
        [3, 3, '/groups/0/module'],
        [6, 3, '/groups/1/workers'],
      ]);
      assert.match(
        body.detail,
        /nothing was changed\..*groups\.yaml:6:3: \/groups\/1\/workers must be integer/,
      );
    }
    service.process.kill('SIGHUP');
    await until(
      'the refusal in the log',
      () =>
        service.log.some(
          ({ level, msg }) => level === 50 && /not valid, and nothing was changed/.test(msg),
        ) || undefined,
    );
    assert.deepEqual(await look(service), before);
  });

  await t.test('reads it again on SIGHUP', async () => {
    bench.write({ keeps: { ...on, labels: { by: 'signal' } } });
    service.process.kill('SIGHUP');
    await until(
      'the reload in the log',
      () => service.log.some(({ msg }) => msg === 'groups file: 1 changed, 4 removed') || undefined,
    );
    const { spec, host } = await service.status('keeps');
    assert.deepEqual([spec.labels, host.pid], [{ by: 'signal' }, pids['keeps']]);
    assert.deepEqual(Object.keys(await look(service)), ['keeps', 'rest']);
  });

  await t.test('undoes what REST has done to a group of the file, but for stops and starts', async () => {
    bench.write({ keeps: {}, deleted: {} });
    await reload(service);
    await service.stop('keeps');
    await service.call('PATCH', '/v1/groups/keeps', { workers: 4 });
    await service.call('DELETE', '/v1/groups/deleted');
    assert.deepEqual(await reload(service), { keeps: 'changed workers', deleted: 'created' });
    assert.deepEqual(await look(service), {
      keeps: 'stopped file 2 none',
      rest: `running rest 2 ${pids['rest']}`,
      deleted: 'registered file 2 none',
    });
  });

  await t.test('answers others while it reads a large file', async () => {
    bench.write(
      Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`group-${i}`, { params: [i, 'x'] }])),
    );
    let over = false;
    const reloaded = service.call('POST', '/v1/reload').finally(() => {
      over = true;
    });
    let answered = 0;
    while (!over) {
      assert.equal((await service.call('GET', '/livez')).status, 200);
      if (!over) answered++;
    }
    assert.match((await reloaded).body.detail, /3000 groups, and this service takes 256/);
    assert.ok(answered >= 3, `/livez was answered ${answered} times meanwhile`);
  });
});

test('groups of the file and of REST over a restart of the service', async (t) => {
  const bench = new Bench(t, { starts: on, stopped: {}, gone: {}, taken: {} });
  const first = await bench.start();
  await first.reaches('starts', 'running');
  await first.stop('starts');
  for (const name of ['stopped', 'gone']) await first.start(name);
  await first.stop('stopped');
  await first.register({ name: 'started', module: 'iterates.mjs', autostart: true });
  await first.register({ name: 'rest', module: 'iterates.mjs' });
  await first.call('DELETE', '/v1/groups/taken');
  await first.register({ name: 'taken', module: 'iterates.mjs', workers: 1 });
  assert.equal(await first.end(), 0);

  bench.write({ starts: on, stopped: { workers: 3 }, taken: {} });
  const second = await bench.start();
  for (const name of ['starts', 'started']) await second.reaches(name, 'running');
  const groups = await look(second);
  assert.deepEqual(
    Object.entries(groups).map(([name, told]) => `${name} ${told.replace(/\d+$/, 'pid')}`),
    [
      'starts running file 2 pid',
      'stopped registered file 3 none',
      'started running rest 2 pid',
      'rest registered rest 2 none',
      'taken registered rest 1 none',
    ],
  );
  const conflict = second.log.find(({ group }) => group === 'taken');
  assert.match(conflict?.msg ?? '', /"taken" was registered over REST and is left alone/);
});

test('without a groups file there is nothing to reload', async (t) => {
  const service = await startService(t);
  const { status, body } = await service.call('POST', '/v1/reload');
  assert.deepEqual([status, body.code], [409, 'no_groups_file']);
  assert.match(body.detail, /--groups FILE/);
  assert.equal(await service.end('SIGHUP'), 0, 'SIGHUP ends the service, as ever');
});

test('the command line', async (t) => {
  const bench = new Bench(t, { a: { workers: 'many' } });
  const { workersDir = '', stateDir = '' } = bench.options;
  const run = (args: string[]) =>
    new Promise<[code: number, stdout: string, stderr: string]>((resolve) => {
      const child = execFile(
        process.execPath,
        [`${ROOT}dist/server.js`, ...args, '--workers-dir', workersDir],
        { timeout: 60_000 },
        (_error, stdout, stderr) => resolve([child.exitCode ?? -1, stdout, stderr]),
      );
    });

  await t.test('validate tells the mistakes', async () => {
    const [code, stdout] = await run(['validate', bench.file]);
    assert.deepEqual([code, stdout], [1, `${bench.file}:4:5: /groups/0/workers must be integer\n`]);
  });

  await t.test('a service does not start with an invalid file', async () => {
    const quiet = ['--port', '0', '--state-dir', stateDir, '--log-level', 'warn'];
    const [code, stdout, stderr] = await run([...quiet, '--groups', bench.file]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(
      stderr,
      /^parallel-workers: [^\n]*groups\.yaml:4:5: \/groups\/0\/workers must be integer\n$/,
    );
  });
});
