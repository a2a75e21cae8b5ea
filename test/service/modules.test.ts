import assert from 'node:assert/strict';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hostsOf } from '../support/processes.js';
import { type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { type Files, ITERATES, workersDir, writeFiles } from '../support/workers-dir.js';

/** Whether this Node runs TypeScript: 22.18 and later. */
const STRIPS_TYPES = Boolean((process.features as { typescript?: false | string }).typescript);

/** The service, with a group that must not be disturbed by anything, and a directory outside of the workers directory. */
interface Ground {
  service: Service;
  directory: string;
  outside: string;
}

async function ground(t: TestContext, files: Files = {}): Promise<Ground> {
  const outside = temporaryDirectory(t);
  writeFiles(outside, { 'outside.mjs': ITERATES });
  const directory = workersDir(t, { 'bystander.mjs': ITERATES, ...files });
  const service = await startService(t, { workersDir: directory });
  await service.register({ name: 'bystander', module: 'bystander.mjs', workers: 1 });
  await service.start('bystander');
  return { service, directory, outside };
}

/** The bystander runs on in its host, the only one that there is. */
async function assertUnharmed({ service }: Ground): Promise<void> {
  const { state, host, totals } = await service.status('bystander');
  assert.equal(state, 'running');
  assert.equal(totals.errors, 0);
  const strangers = hostsOf(service.pid).filter(({ group }) => group !== host.pid);
  assert.deepEqual(strangers, [], 'processes are left behind');
  const before = await iterationsOf(service, 'bystander');
  await until('the bystander to go on', async () =>
    (await iterationsOf(service, 'bystander')) > before ? true : undefined,
  );
}

async function iterationsOf(service: Service, name: string): Promise<number> {
  return (await service.metric(`worker_time_seconds_count{group="${name}"}`)) ?? 0;
}

test('modules that are refused at registration', async (t) => {
  const at = await ground(t, { 'text.txt': ITERATES, 'data.json': '{}', noextension: ITERATES });
  writeFiles(at.directory, { 'folder/inside.mjs': ITERATES });
  symlinkSync(join(at.outside, 'outside.mjs'), join(at.directory, 'link.mjs'));
  symlinkSync(at.outside, join(at.directory, 'linked'));
  symlinkSync(join(at.directory, 'nothing.mjs'), join(at.directory, 'dangling.mjs'));
  symlinkSync(join(at.directory, 'circle.mjs'), join(at.directory, 'circle.mjs'));
  const name = at.outside.split('/').at(-1);

  const cases: Record<string, [what: string, module: string][]> = {
    module_not_allowed: [
      ['outside by ..', `../${name}/outside.mjs`],
      ['outside by .. in the middle', `folder/../../${name}/outside.mjs`],
      ['an absolute path outside', join(at.outside, 'outside.mjs')],
      ['outside, and missing', '../nothing.mjs'],
      ['a symbolic link to a file outside', 'link.mjs'],
      ['a file in a symbolic link to a directory outside', 'linked/outside.mjs'],
      ['the directory above', '..'],
      ['the workers directory itself', '.'],
      ['a directory whose name begins with its name', `../${at.directory.split('/').at(-1)}-other/a.mjs`],
    ],
    module_not_found: [
      ['missing', 'nothing.mjs'],
      ['a link to nothing', 'dangling.mjs'],
      ['a link to itself', 'circle.mjs'],
      ['below a file', 'bystander.mjs/a.mjs'],
      ['a NUL byte', 'bystander.mjs\0.mjs'],
      ['a NUL byte before the extension', 'bystander\0.mjs'],
      ['a URL', `file://${at.directory}/bystander.mjs`],
      ['a package', 'node:fs'],
      ['a name longer than any file’s', `${'x'.repeat(300)}.mjs`],
    ],
    module_unsupported: [
      ['a directory', 'folder'],
      ['another extension', 'text.txt'],
      ['JSON', 'data.json'],
      ['no extension', 'noextension'],
    ],
  };
  const says: Record<string, RegExp> = {
    module_not_allowed: /outside the workers directory .*PW_WORKERS_DIR.* Give a path inside/,
    module_not_found: /cannot be found in the workers directory .*PW_WORKERS_DIR/,
    module_unsupported: /is not a file|must end in \.mjs, \.js, \.cjs/,
  };
  for (const [code, modules] of Object.entries(cases)) {
    for (const [what, module] of modules) {
      await t.test(`${code}: ${what}`, async () => {
        const specs = [{ module }, { module: 'bystander.mjs', loggers: [module] }];
        const requests = specs.flatMap((spec) => [
          () => service.call('POST', '/v1/groups', { name: 'refused', ...spec }),
          () => service.call('PUT', '/v1/groups/refused', spec),
          () => service.call('PATCH', '/v1/groups/bystander', spec),
        ]);
        const { service } = at;
        for (const request of requests) {
          const { status, headers, body } = await request();
          assert.deepEqual([status, body.code], [422, code], body.detail);
          assert.match(headers.get('content-type') ?? '', /problem\+json/);
          assert.match(body.detail, says[code] ?? /^$/);
          assert.ok(body.detail.includes(`"${module}"`), `${body.detail} does not name the module`);
        }
        assert.equal((await service.call('GET', '/v1/groups/refused')).status, 404);
        assert.equal((await service.status('bystander')).spec.module, 'bystander.mjs');
      });
    }
  }
  await assertUnharmed(at);
});

test('modules that change between registration and start', async (t) => {
  const at = await ground(t);
  const { service, directory, outside } = at;
  const inDirectory = (path: string) => join(directory, path);
  const cases: { what: string; change: (module: string) => void; code: string }[] = [
    { what: 'deleted', change: (module) => rmSync(inDirectory(module)), code: 'module_not_found' },
    {
      what: 'swapped for a link to a file outside',
      change: (module) => {
        rmSync(inDirectory(module));
        symlinkSync(join(outside, 'outside.mjs'), inDirectory(module));
      },
      code: 'module_not_allowed',
    },
    {
      what: 'its directory swapped for a link to one outside',
      change: (module) => {
        renameSync(inDirectory('code'), inDirectory('code-before'));
        writeFiles(outside, { [module.replace('code/', '')]: ITERATES });
        symlinkSync(outside, inDirectory('code'));
      },
      code: 'module_not_allowed',
    },
  ];
  for (const [i, { what, change, code }] of cases.entries()) {
    await t.test(what, async () => {
      const name = `changed-${i}`;
      const module = `code/${name}.mjs`;
      writeFiles(directory, { [module]: ITERATES });
      await service.register({ name, module });
      change(module);
      const { status, body } = await service.call('POST', `/v1/groups/${name}/start`);
      assert.deepEqual([status, body.code], [422, code], body.detail);
      assert.ok(body.detail.includes(`"${module}"`), `${body.detail} does not name the module`);
      const { state, reason, host } = await service.status(name);
      assert.deepEqual([state, reason, host], ['failed', body.detail, null]);
      await assertUnharmed(at);
    });
  }
});

interface BadModule {
  files: Files;
  status?: number;
  code?: string;
  /** What the problem and the group's reason tell the user. */
  says: RegExp;
  /** More of the spec. */
  spec?: Record<string, unknown>;
}

const NEVER = 'await new Promise(() => {});\n';
/** Ends in a time-out that the group's long grace must not lengthen. */
const TIMES_OUT = {
  status: 504,
  code: 'start_timeout',
  says: /within 1 s: loading the module did not finish.*startTimeoutSeconds/,
  spec: { startTimeoutSeconds: 1, stopGraceSeconds: 600 },
};

/** Modules by the path of their first file, which is the one that is started. */
const badModules: Record<string, BadModule> = {
  'a syntax error': {
    files: { 'syntax.mjs': 'export default () => {\n  const a = ;\n};\n' },
    says: /syntax\.mjs:2.*Unexpected token|Unexpected token.*syntax\.mjs:2/,
  },
  'a syntax error in what it imports': {
    files: { 'imports.mjs': 'import "./broken.mjs";\n', 'broken.mjs': '\n\nconst = 1;\n' },
    says: /broken\.mjs:3.*Unexpected token|Unexpected token.*broken\.mjs:3/,
  },
  'a syntax error in CommonJS': {
    files: { 'syntax.cjs': 'module.exports = () => {\n  const a = ;\n};\n' },
    says: /syntax\.cjs:2.*Unexpected token|Unexpected token.*syntax\.cjs:2/,
  },
  'no default export': {
    files: { 'nodefault.mjs': 'export const worker = () => {};\n' },
    says: /default export.*export default async function worker/,
  },
  'nothing at all': { files: { 'empty.mjs': '' }, says: /default export/ },
  'a default export that is no function': {
    files: { 'object.mjs': 'export default { worker() {} };\n' },
    says: /default export that is a function/,
  },
  'a default export that is null': {
    files: { 'null.mjs': 'export default null;\n' },
    says: /default export that is a function/,
  },
  ...Object.fromEntries(
    ['init', 'shutdown', 'cleanup', 'setup', 'teardown'].map((hook) => [
      `an export ${hook} that is no function`,
      {
        files: { [`${hook}.mjs`]: `${ITERATES}export const ${hook} = 'soon';\n` },
        says: new RegExp(`"${hook}" is not a function`),
      },
    ]),
  ),
  'throws an Error': { files: { 'error.mjs': 'throw new Error("no such disk");\n' }, says: /no such disk/ },
  'throws a string': { files: { 'string.mjs': 'throw "no such disk";\n' }, says: /no such disk/ },
  'throws null': { files: { 'null.mjs': 'throw null;\n' }, says: /null/ },
  'throws an object whose message throws': {
    files: { 'getter.mjs': 'throw { get message() { throw new Error("gotcha"); } };\n' },
    says: /failed: \S+/,
  },
  'throws a Proxy that throws': {
    files: { 'proxy.mjs': 'throw new Proxy({}, { get() { throw 1; }, getPrototypeOf() { throw 2; } });\n' },
    says: /failed: \S+/,
  },
  'imports a package that is not installed': {
    files: { 'package.mjs': 'import "no-such-package";\n' },
    says: /no-such-package.*package\.mjs/,
  },
  'imports a file that is not there': {
    files: { 'file.mjs': 'import "./nothing.mjs";\n' },
    says: /nothing\.mjs.*file\.mjs/,
  },
  'imports a name that is not exported': {
    files: { 'name.mjs': 'import { other } from "./bystander.mjs";\n' },
    says: /other.*name\.mjs:1/,
  },
  'ends its process': { files: { 'exits.mjs': 'process.exit(3);\n' }, says: /exited with code:? 3/ },
  'ends its process with success': {
    files: { 'exits0.mjs': 'process.exit(0);\n' },
    says: /exited with code:? 0/,
  },
  'kills its process': {
    files: { 'kills.mjs': 'process.kill(process.pid, "SIGKILL");\n' },
    code: 'host_failed',
    says: /host of group .* died.*SIGKILL/,
  },
  'never ends, with nothing that keeps the loop alive': {
    files: { 'never.mjs': NEVER + ITERATES },
    ...TIMES_OUT,
  },
  'never ends, with a timer that keeps the loop alive': {
    files: { 'timer.mjs': `setInterval(() => {}, 1000);\n${NEVER}${ITERATES}` },
    ...TIMES_OUT,
  },
  'never ends, in an infinite loop': { files: { 'spins.mjs': 'for (;;);\n' }, ...TIMES_OUT },
  'never ends, in a system call': {
    files: { 'sleeps.mjs': 'import { execSync } from "node:child_process";\nexecSync("sleep 600");\n' },
    ...TIMES_OUT,
  },
  'never ends, but only when it is loaded a second time': {
    files: {
      'second.mjs': `import { existsSync, writeFileSync } from 'node:fs';
        const mark = new URL('./loaded-once', import.meta.url);
        if (existsSync(mark)) await new Promise(() => {});
        writeFileSync(mark, '');
        ${ITERATES}`,
    },
    ...TIMES_OUT,
    says: /did not start within 1 s/,
    spec: { startTimeoutSeconds: 1, stopGraceSeconds: 0.1 },
  },
};

test('modules that cannot be loaded', async (t) => {
  const at = await ground(t);
  const { service, directory } = at;
  for (const [what, bad] of Object.entries(badModules)) {
    await t.test(what, async () => {
      const { files, status = 500, code = 'module_failed', says, spec } = bad;
      writeFiles(directory, files);
      const [module = ''] = Object.keys(files);
      const name = what.replaceAll(/[^a-z]+/gi, '-');
      await service.register({ name, module, ...spec });
      const startedAt = performance.now();
      const { status: given, headers, body } = await service.call('POST', `/v1/groups/${name}/start`);
      const seconds = (performance.now() - startedAt) / 1000;

      assert.deepEqual([given, body.code], [status, code], body.detail);
      assert.match(headers.get('content-type') ?? '', /problem\+json/);
      assert.match(body.detail, says);
      assert.ok(body.detail.includes(`"${name}"`), `${body.detail} does not name the group`);
      assert.ok(seconds < 20, `a start that fails was answered after ${seconds} s`);
      const { state, reason, host } = await service.status(name);
      assert.deepEqual([state, host], ['failed', null]);
      assert.match(reason, says);
      await assertUnharmed(at);
    });
  }
});

/** Fails unless init has run and its answer has reached the worker. */
const CHECKS_INIT =
  'async (_workerId, ctx) => { if (ctx.shared !== 42) throw new Error("no init"); await ctx.sleep(0.001); }';

/** Modules by the path of their first file, which is the one that is started. */
const goodModules: Record<string, Files> = {
  '.mjs': { 'worker.mjs': ITERATES },
  '.mjs with hooks': { 'hooks.mjs': `export default ${CHECKS_INIT};\nexport const init = () => 42;\n` },
  '.js in a package of type module': {
    'esm/worker.js': ITERATES,
    'esm/package.json': '{ "type": "module" }',
  },
  '.js in a package of type commonjs': {
    'cjs/worker.js': `module.exports = ${CHECKS_INIT};\nmodule.exports.init = () => 42;\n`,
    'cjs/package.json': '{ "type": "commonjs" }',
  },
  '.cjs with module.exports = fn and fn.init': {
    'function.cjs': `const worker = ${CHECKS_INIT};\nworker.init = () => 42;\nmodule.exports = worker;\n`,
  },
  '.cjs with exports.default': {
    'default.cjs': `exports.default = ${CHECKS_INIT};\nexports.init = () => 42;\n`,
  },
  '.cjs as compilers write it': {
    'compiled.cjs': `Object.defineProperty(exports, '__esModule', { value: true });\nexports.init = () => 42;\nexports.default = ${CHECKS_INIT};\n`,
  },
  'in a directory of its own, with files beside it': {
    'deep/er/worker.mjs': `import { seconds } from '../seconds.mjs';\nexport default (_id, ctx) => ctx.sleep(seconds);\n`,
    'deep/seconds.mjs': 'export const seconds = 0.001;\n',
  },
  'a name with all that a URL would misread': { 'größe #1?a=%20&b.mjs': ITERATES },
};

async function assertIterates(service: Service, name: string): Promise<void> {
  await service.start(name);
  await until(`group ${name} to iterate`, async () =>
    (await iterationsOf(service, name)) > 0 ? true : undefined,
  );
  const { groups, success } = await service.stop(name);
  assert.equal(success, true, JSON.stringify(groups));
  const { state, totals } = await service.status(name);
  assert.deepEqual([state, totals.errors], ['stopped', 0]);
}

test('modules that work', async (t) => {
  const { service, directory } = await ground(t);
  for (const [i, [what, files]] of Object.entries(goodModules).entries()) {
    await t.test(what, async () => {
      writeFiles(directory, files);
      const [module] = Object.keys(files);
      await service.register({ name: `works-${i}`, module });
      await assertIterates(service, `works-${i}`);
    });
  }

  await t.test('a link to a module inside, and an absolute path inside', async () => {
    symlinkSync(join(directory, 'bystander.mjs'), join(directory, 'inner.mjs'));
    await service.register({ name: 'inner', module: 'inner.mjs' });
    await assertIterates(service, 'inner');
    await service.register({ name: 'absolute', module: join(directory, 'bystander.mjs') });
    await assertIterates(service, 'absolute');
  });

  await t.test('.ts where Node strips types, and advice where it does not', async () => {
    const typed =
      'export default async (id: number, ctx: { sleep(s: number): Promise<void> }): Promise<void> => {\n  await ctx.sleep(0.001);\n};\n';
    writeFiles(directory, { 'typed.ts': typed });
    const { status, body } = await service.call('POST', '/v1/groups', { name: 'typed', module: 'typed.ts' });
    if (STRIPS_TYPES) {
      assert.equal(status, 201, body.detail);
      await assertIterates(service, 'typed');
    } else {
      assert.deepEqual([status, body.code], [422, 'module_unsupported'], body.detail);
      assert.match(body.detail, /"typed\.ts".*Node 22\.18.*compile it to JavaScript/);
    }
  });

  await t.test('code that changed between two starts: the new code runs', async () => {
    const edit = (text: string) =>
      writeFiles(directory, {
        'edited.mjs': `import { part } from './part.mjs';\nexport default () => { throw new Error('${text} with ' + part); };\n`,
        'part.mjs': `export const part = '${text} part';\n`,
      });
    edit('first');
    await service.register({ name: 'edited', module: 'edited.mjs', workers: 1 });
    for (const text of ['first', 'second']) {
      edit(text);
      await service.call('POST', '/v1/groups/edited/start');
      const { reason } = await service.reaches('edited', 'failed');
      assert.match(reason, new RegExp(`${text} with ${text} part`));
    }
  });
});
