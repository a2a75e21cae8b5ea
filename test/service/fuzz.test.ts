import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_COVERAGE, newSeed, scaled } from '../support/chance.js';
import { Document, type Operation } from '../support/fuzz/document.js';
import type { Hints } from '../support/fuzz/from-schema.js';
import { type FuzzRequest, requestsOf } from '../support/fuzz/requests.js';
import { type Service, startService } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Fewer would leave some operation without a success. */
const REQUESTS = Math.max(1000, scaled(5000));
/** Requests under way at a time: commands are to meet each other. */
const LANES = 4;

/** Few names, so that requests meet the same groups; modules that load, and some that do not. */
const HINTS: Hints = {
  name: fc.constantFrom('a', 'b', 'c', 'd', 'f'),
  module: fc.constantFrom(
    ...['empty.mjs', 'millisecond.mjs', 'millisecond.mjs', 'journal.mjs', 'burns.mjs'],
    'throws.mjs',
    'finishes.mjs',
    'missing.mjs',
    '../support/scale.js',
    'long\u0000name.mjs',
  ),
  workers: fc.constantFrom(1, 2, 3, 5, 1000),
  after: fc.subarray(['a', 'b', 'c'], { maxLength: 1 }),
  loggers: fc.constantFrom([], [], ['empty.mjs'], ['missing.mjs']),
  labels: fc.constantFrom({}, { role: 'train' }, { role: 'test' }),
  label: fc.constantFrom('role=train', 'role=test', 'none', ['role=train', 'a=b']),
  critical: fc.constant(false),
  // So that nothing takes long.
  waitSeconds: fc.constantFrom('0', '0.05', '300.5'),
  max: fc.constantFrom('1', '10', '1000000'),
  stopGraceSeconds: fc.constantFrom(0, 0.1, 0.5),
  iterationTimeoutSeconds: fc.constantFrom(null, 0.05, 5),
};

/** Most takes go where there is a feed; few others meddle with it, but for the commands to all groups. */
const OWN_HINTS: Readonly<Record<string, Hints>> = {
  takeFromFeed: { name: fc.constantFrom('fed', 'fed', 'fed', 'a', 'f') },
  getFeed: { name: fc.constantFrom('fed', 'a') },
  getGroup: { name: fc.constantFrom('fed', 'a', 'b') },
  startGroup: { name: fc.constantFrom('fed', 'a', 'b', 'c', 'd', 'f') },
};

/** Starts take their time: there are fewer of them, so that there are more of the others. */
const WEIGHTS: Readonly<Record<string, number>> = {
  registerGroup: 12,
  patchGroup: 5,
  replaceGroup: 8,
  startGroup: 6,
  restartGroup: 5,
  deleteGroup: 1,
  takeFromFeed: 10,
  startGroups: 2,
  stopGroups: 1,
  metrics: 1,
  live: 1,
  ready: 1,
};

interface Answer {
  status: number;
  type: string;
  body: string;
}

test(`${REQUESTS} requests made from the document and bent: every answer is one that it allows`, async (t) => {
  const seed = newSeed();
  t.diagnostic(`PW_TEST_SEED=${seed}`);
  const document = new Document();
  const groupsFile = join(temporaryDirectory(t), 'groups.json');
  const fed = { name: 'fed', module: 'feeds.mjs', feed: { capacity: 100 }, autostart: true };
  writeFileSync(groupsFile, JSON.stringify({ groups: [{ name: 'f', module: 'millisecond.mjs' }, fed] }));
  const service = await startService(t, {
    env: NO_COVERAGE,
    flags: ['--groups', groupsFile, '--max-workers', '12', '--max-groups', '5', '--rate-limit', '0'],
  });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const requests = fc.sample(
    fc.oneof(
      ...document.operations.map((operation) => ({
        weight: WEIGHTS[operation.operationId] ?? 3,
        arbitrary: requestsOf(document, operation, { ...HINTS, ...OWN_HINTS[operation.operationId] }),
      })),
    ),
    { numRuns: REQUESTS, seed },
  );

  const mistakes: string[] = [];
  const answers = new Map<string, number>();
  const count = (what: string) => answers.set(what, (answers.get(what) ?? 0) + 1);
  let next = 0;
  const lane = async () => {
    while (next < requests.length && mistakes.length < 10) {
      const number = next++;
      const sent = requests[number] as FuzzRequest;
      const { status, type, body } = await send(agent, service, sent);
      count(`${sent.operation.operationId} ${status}`);
      const mistake =
        codeOf(type, body) === 'internal'
          ? 'an internal error'
          : document.mistakeIn(sent.operation, status, type, bodiesOf(type, body));
      if (mistake !== undefined) mistakes.push(told(number, sent, { status, type, body }, mistake));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  assert.deepEqual(mistakes, [], `PW_TEST_SEED=${seed}`);
  t.diagnostic(
    [...answers]
      .map(([what, times]) => `${what}: ${times}`)
      .sort()
      .join(', '),
  );
  const succeeded = [...answers.keys()].map((what) => / 2\d\d$/.test(what) && what.split(' ')[0]);
  const never = document.operations
    .map(({ operationId }) => operationId)
    .filter((id) => !succeeded.includes(id));
  assert.deepEqual(never, [], 'operations that have never succeeded, so that little was tried');
  await assertHealthy(service);
});

async function send(
  agent: Agent,
  service: Service,
  { operation, target, headers, body }: FuzzRequest,
): Promise<Answer> {
  // Not as a URL, which would be tidied up.
  const { hostname, port } = new URL(service.url);
  const asked = request({
    hostname,
    port,
    path: target,
    method: operation.method,
    // A stream has its connection for itself.
    agent: isStream(operation, target) ? false : agent,
    headers: headerOf(headers, body),
  });
  asked.end(body);
  const [response] = await once(asked, 'response');
  const endless = response.statusCode === 200 && isStream(operation, target);
  return {
    status: response.statusCode,
    type: String(response.headers['content-type'] ?? ''),
    body: await (endless ? beginning(response) : text(response)),
  };
}

function isStream({ operationId }: Operation, target: string): boolean {
  return operationId === 'watchEvents' || (operationId === 'readLogs' && target.includes('follow=true'));
}

/** The first that comes of an answer that does not end; nothing when nothing comes at once. The client goes then. */
async function beginning(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8');
  const nothing = new Promise<[string]>((resolve) => setTimeout(resolve, 20, ['']));
  const [first] = await Promise.race([
    once(response, 'data'),
    once(response, 'end').then(() => ['']),
    nothing,
  ]);
  response.destroy();
  return first;
}

function headerOf(headers: FuzzRequest['headers'], body: string | undefined): Record<string, string> {
  return { ...headers, ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }) };
}

/** What the document describes of a text: of a stream each whole part that has come. */
function bodiesOf(type: string, body: string): unknown[] {
  if (type.includes('event-stream')) {
    const whole = body.slice(0, body.lastIndexOf('\n\n') + 1);
    return [...whole.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? ''));
  }
  if (type.includes('ndjson')) {
    const lines = body.slice(0, body.lastIndexOf('\n') + 1).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  }
  return [type.includes('json') ? JSON.parse(body) : body];
}

function codeOf(type: string, body: string): unknown {
  return type.includes('problem') ? JSON.parse(body).code : undefined;
}

function told(
  number: number,
  { operation, target, headers, body }: FuzzRequest,
  answer: Answer,
  mistake: string,
): string {
  return [
    `request ${number}: ${operation.method} ${target} ${JSON.stringify(headers)}`,
    `  ${body?.slice(0, 500)}`,
    `  was answered ${answer.status} ${answer.type}: ${answer.body.slice(0, 500)}`,
    `  ${mistake}`,
  ].join('\n');
}

/** It still does its job, and nothing of what was asked hangs on. */
async function assertHealthy(service: Service): Promise<void> {
  assert.equal((await service.call('GET', '/livez')).status, 200);
  assert.equal((await service.call('GET', '/readyz')).status, 200);
  for (const { name } of (await service.call('GET', '/v1/groups')).body.groups) {
    assert.equal((await service.call('DELETE', `/v1/groups/${name}`)).status, 200);
  }
  await service.register({ name: 'after', module: 'millisecond.mjs' });
  await service.start('after');
  assert.equal((await service.stop('after')).success, true);
}
