import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { Channel } from '#dist/host/channel.js';
import { FakeClock, settle } from '../support/fake-clock.js';

function channel(maxLineBytes = 100) {
  const incoming = new PassThrough();
  const outgoing = new PassThrough();
  const heard: unknown[] = [];
  const events: string[] = [];
  const end = new Channel({ incoming, outgoing }, maxLineBytes, {
    message: (value) => heard.push(value),
    garbage: (detail) => events.push(`garbage: ${detail}`),
    closed: () => events.push('closed'),
    deaf: () => events.push('deaf'),
  });
  return { incoming, outgoing, heard, events, end };
}

test('values arrive whole, however the bytes are cut', async () => {
  const { incoming, heard, events } = channel();
  const bytes = Buffer.from('{"a":"ü"}\n[1,2]\n"x"\n');
  for (const byte of bytes) incoming.write(Buffer.of(byte));
  incoming.write('1\n2\n');
  await settle();
  assert.deepEqual(heard, [{ a: 'ü' }, [1, 2], 'x', 1, 2]);
  incoming.end();
  await settle();
  assert.deepEqual(events, ['closed']);
});

test('garbage is told once, and nothing after it is delivered', async (t) => {
  const cases = {
    'a line that is not JSON': '1\nnonsense\n2\n',
    'a line of more than 100 bytes': `1\n${'x'.repeat(101)}`,
  };
  for (const [detail, bytes] of Object.entries(cases)) {
    await t.test(detail, async () => {
      const { incoming, heard, events } = channel();
      incoming.write(bytes);
      incoming.write('3\n');
      await settle();
      assert.deepEqual(heard, [1]);
      assert.deepEqual(events, [`garbage: ${detail}`, 'closed']);
    });
  }
});

test('what is sent is a line; after the end sending does nothing', async () => {
  const { outgoing, end, events } = channel();
  end.send({ a: 'x\ny' });
  await end.flushed();
  assert.equal(String(outgoing.read()), '{"a":"x\\ny"}\n');
  end.close();
  end.send(1);
  await end.flushed();
  await settle();
  assert.deepEqual(events, ['closed']);
});

test('one that is paced is read so fast and no faster, and nothing is lost', async () => {
  const incoming = new PassThrough();
  const clock = new FakeClock();
  const heard: unknown[] = [];
  const events: string[] = [];
  const end = new Channel(
    { incoming, outgoing: new PassThrough() },
    100,
    {
      message: (value) => heard.push(value),
      garbage: () => {},
      closed: () => events.push('closed'),
      deaf: () => {},
    },
    { messages: 2, windowMs: 25, clock },
  );
  incoming.write('1\n2\n3\n4\n5\n6');
  await settle();
  assert.deepEqual(heard, [1, 2]);
  clock.advance(25);
  await settle();
  assert.deepEqual(heard, [1, 2, 3, 4]);
  incoming.write('\n7\n8\n');
  end.hurry();
  await settle();
  assert.deepEqual(heard, [1, 2, 3, 4, 5, 6, 7, 8], 'what is left of a dead one comes at once');
  incoming.end();
  await settle();
  assert.deepEqual(events, ['closed']);
});

test('the last word of one that has ended is heard, although it is spoken to in its last moment', {
  timeout: 30_000,
}, async (t) => {
  const code = `require('fs').writeSync(3, '"finished"\\n')`;
  const child: ChildProcess = spawn(process.execPath, ['-e', code], {
    stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [, , , incoming, outgoing] = child.stdio as (Duplex | null | undefined)[];
  assert.ok(incoming && outgoing);
  const heard: unknown[] = [];
  let end: Channel | undefined;
  const closed = new Promise<void>((resolve) => {
    end = new Channel({ incoming, outgoing }, 100, {
      message: (value) => heard.push(value),
      garbage: () => {},
      closed: resolve,
      deaf: () => {},
    });
  });
  // In one turn, in which nothing can be read: it says its last word, ends, and is spoken to.
  const { pid = 0 } = child;
  while (isAlive(pid)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  end?.send({ type: 'report' });
  await closed;
  assert.deepEqual(heard, ['finished']);
});

/** Whether it runs still: one that has ended stays in the table of processes as long as nobody has asked how. */
function isAlive(pid: number): boolean {
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
