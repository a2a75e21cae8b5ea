import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { runClientCommand } from '../support/client-command.js';
import { assertCounts, COUNTS, Logs } from '../support/logs-command.js';
import { answering, freePort, Relay } from '../support/relay.js';
import { type Service, startService, until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';
import { wholeLines } from '../support/watching.js';
import { workersDir } from '../support/workers-dir.js';

async function withGroup(t: TestContext): Promise<Service> {
  const service = await startService(t, { workersDir: workersDir(t, { 'steady.mjs': COUNTS }) });
  await service.register({ name: 'a', module: 'steady.mjs', workers: 1 });
  return service;
}

test('a connection that is lost is sought again: nothing is missing and nothing twice', async (t) => {
  const service = await withGroup(t);
  await service.start('a');
  const relay = new Relay(service);
  const url = await relay.listen(t);
  const following = new Logs(t, url, 'a', '-f', '--json', '--tail', '1000');
  const none = new Logs(t, url, 'a', '-f', '--json', '--worker', '7');
  await following.prints(5);
  await until(
    'both to be connected',
    async () => (await service.metric('http_streams{stream="logs"}')) === 2 || undefined,
  );
  relay.cut();
  await Promise.all([following.complains(/trying again/), none.complains(/trying again/)]);
  const before = following.lines.length;
  await until('lines that it does not see', async () => {
    const all = ['logs', 'a', '--json', '--tail', '1000'];
    const { stdout } = await runClientCommand(all, { PW_URL: service.url });
    return wholeLines(stdout).length > before + 3 || undefined;
  });
  relay.open = true;
  await following.prints(before + 10);
  assertCounts(following.texts);
  await none.complains(/connected again/);
  const again =
    'parallel-workers logs: http:\\S+ is not reachable: .* \\(trying again\\)\nparallel-workers logs: connected again\n$';
  assert.match(following.stderr, new RegExp(`^${again}`));
  assert.match(
    none.stderr,
    new RegExp(
      `^parallel-workers logs: group "a" has no worker with the id 7: its workers are \\d+\n${again}`,
    ),
  );
  for (const one of [following, none]) assert.equal(await one.end('SIGINT'), 0);
  assert.equal(none.stdout, '');
});

test('a service that was killed and is there again goes on with what is new', async (t) => {
  const stateDir = temporaryDirectory(t);
  const directory = workersDir(t, { 'steady.mjs': COUNTS });
  const start = (port: number) =>
    startService(t, { workersDir: directory, stateDir, port: false, flags: ['--port', String(port)] });
  const port = await freePort();
  const first = await start(port);
  await first.register({ name: 'a', module: 'steady.mjs', workers: 1 });
  await first.start('a');
  const following = new Logs(t, first.url, 'a', '-f', '--json', '--tail', '1000');
  const fresh = new Logs(t, first.url, 'a', '-f', '--json', '--tail', '0');
  await Promise.all([following.prints(3), fresh.prints(1)]);
  await first.end('SIGKILL');
  await Promise.all([following.complains(/trying again/), fresh.complains(/trying again/)]);
  const before = following.lines.length;
  await start(port);
  await Promise.all([following.prints(before + 5), fresh.complains(/connected again/)]);
  const { lines, texts } = following;
  const again = texts.lastIndexOf('line 0');
  assert.ok(again >= before, 'the second life begins after all of the first');
  assertCounts(texts.slice(0, again));
  assertCounts(texts.slice(again));
  const seqs = lines.map(({ seq }) => seq);
  assert.deepEqual(
    seqs,
    [...new Set(seqs)].sort((a, b) => a - b),
  );
  assert.equal(await following.end('SIGINT'), 0);
  assert.equal(following.stderr.match(/\n/g)?.length, 2, following.stderr);
});

test('a service that ends is sought as well, and Ctrl-C ends the search', async (t) => {
  const service = await withGroup(t);
  const following = new Logs(t, service.url, 'a', '-f');
  await service.start('a');
  await following.prints(1);
  await service.end();
  await following.complains(/trying again/);
  assert.equal(await following.end('SIGINT'), 0);
});

test('lines that are missing, answers that are none, and refusals on the way', async (t) => {
  const asked: string[] = [];
  const problem = (code: string) => JSON.stringify({ code, detail: 'Not now.' });
  const answers: [status: number, type: string, body: string][] = [
    [
      200,
      'application/x-ndjson; charset=utf-8',
      '{"seq":5,"text":"a"}\n{"lost":1200}\n{"new":"kind"}\n{"seq":',
    ],
    [503, 'application/problem+json', problem('too_many_streams')],
    [502, 'text/html', '<html>'],
    [200, 'application/x-ndjson', '{"seq":9,"text":"b"}\n'],
    [429, 'application/problem+json', problem('too_many_requests')],
    [200, 'text/html', '<html>'],
    [401, 'application/problem+json', problem('unauthorized')],
  ];
  const url = await answering(t, (request, response) => {
    asked.push(request.url ?? '');
    const [status, type, body] = answers[asked.length - 1] ?? [500, '', ''];
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  const following = new Logs(t, url, 'a', '-f', '--level', 'warn', '--tail', '3');
  assert.equal(await following.end(), 1);
  assert.match(
    following.stdout,
    /^.* a\n-- up to 1,200 lines are missing --\n\{"new":"kind"\}\n.* b\n$/,
    following.stdout,
  );
  assert.deepEqual(
    asked.map((path) => path.replace('/v1/groups/a/logs?', '')),
    [
      'tail=3&level=warn&follow=true',
      ...Array(3).fill('level=warn&after=5&follow=true'),
      ...Array(3).fill('level=warn&after=9&follow=true'),
    ],
  );
  assert.deepEqual(
    following.stderr
      .trimEnd()
      .split('\n')
      .map((line) => line.replace('parallel-workers logs: ', '')),
    [
      'Not now. (too_many_streams) (trying again)',
      'connected again',
      'Not now. (too_many_requests) (trying again)',
      'Not now. (unauthorized)',
    ],
  );
});
