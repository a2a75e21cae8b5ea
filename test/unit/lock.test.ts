import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { takeLock } from '#dist/store/lock.js';
import { ROOT } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Waits for a line, takes the lock, says how it went, and lives on. */
const STARTER = `
import { takeLock } from ${JSON.stringify(`file://${ROOT}dist/store/lock.js`)};
process.stdin.once('data', async () => {
  const lock = await takeLock(process.argv[1]).catch((error) => ({ error }));
  console.log(lock === undefined ? 'refused' : lock.error?.message ?? 'held');
});
console.log('ready');
`;

class Starter {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(t: TestContext, directory: string) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', STARTER, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    this.process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  async take(): Promise<string> {
    this.process.stdin?.write('go\n');
    return this.line();
  }

  async kill(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await exited;
  }
}

async function starters(t: TestContext, directory: string, count: number): Promise<Starter[]> {
  const all = Array.from({ length: count }, () => new Starter(t, directory));
  for (const starter of all) assert.equal(await starter.line(), 'ready');
  return all;
}

test('one holds it, the next is refused; after its release, or its SIGKILL, it can be taken', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await takeLock(directory);
  assert.ok(first);
  assert.equal(await takeLock(directory), undefined);
  const [other, another] = await starters(t, directory, 2);
  assert.ok(other && another);
  assert.equal(await other.take(), 'refused');
  first.release();
  assert.equal(await another.take(), 'held');
  assert.equal(await takeLock(directory), undefined);
  await another.kill();
  const last = await takeLock(directory);
  assert.ok(last, 'a killed process holds nothing');
  last.release();
});

test('a holder that stands still holds it', async (t) => {
  const directory = temporaryDirectory(t);
  const [holder] = await starters(t, directory, 1);
  assert.equal(await holder?.take(), 'held');
  holder?.process.kill('SIGSTOP');
  assert.equal(await takeLock(directory), undefined);
  holder?.process.kill('SIGCONT');
});

test('of many that start at once, on a directory that is new and on what a killed one has left, one wins', async (t) => {
  const directory = temporaryDirectory(t);
  for (let round = 0; round < 2; round++) {
    const all = await starters(t, directory, 6);
    const results = await Promise.all(all.map((starter) => starter.take()));
    assert.deepEqual(results.sort(), ['held', ...Array(5).fill('refused')], `round ${round}`);
    await Promise.all(all.map((starter) => starter.kill()));
  }
});

test('of many in one process, again and again, one at most wins; what the dead leave is removed', async (t) => {
  const directory = temporaryDirectory(t);
  for (let round = 0; round < 50; round++) {
    const locks = await Promise.all(Array.from({ length: 8 }, () => takeLock(directory)));
    const held = locks.filter((lock) => lock !== undefined);
    assert.equal(held.length, 1, `round ${round}`);
    held[0]?.release();
  }
  assert.equal(readdirSync(directory).length, 1, String(readdirSync(directory)));
});

test('the path may be longer than a socket’s can be', async (t) => {
  const directory = join(temporaryDirectory(t), 'd'.repeat(120));
  const lock = await takeLock(directory);
  assert.ok(lock);
  assert.equal(await takeLock(directory), undefined);
  lock.release();
});
