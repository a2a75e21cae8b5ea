import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { closeUnread } from '#dist/feed/unread.js';
import { FakeClock } from '../support/fake-clock.js';
import { until } from '../support/service.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Both ends of a connection over a Unix socket. */
async function connection(t: TestContext): Promise<{ writer: Socket; reader: Socket }> {
  const path = join(temporaryDirectory(t), 'x.sock');
  const server = createServer().listen(path);
  await once(server, 'listening');
  const reader = connect(path).pause();
  const [writer] = (await once(server, 'connection')) as [Socket];
  for (const socket of [reader, writer]) {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
  }
  server.close();
  return { writer, reader };
}

/** Reads so many bytes, or some more. */
async function read(socket: Socket, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) await once(socket, 'readable');
    else left -= chunk.length;
  }
}

/** More than both ends of a connection hold between them. */
const STEP = 2_000_000;

test('one large write is seen to go on while its reader is slow, and to stand still when it stops', async (t) => {
  const { writer, reader } = await connection(t);
  const clock = new FakeClock();
  writer.write(Buffer.alloc(5 * STEP));
  closeUnread(writer, 30_000, clock);
  for (let i = 0; i < 4; i++) {
    await read(reader, STEP);
    clock.advance(30_000);
    assert.equal(writer.destroyed, false, `look ${i}`);
  }
  // What it drips meanwhile is no reading.
  for (let dripped = 0; !writer.destroyed; ) {
    reader.write('x');
    dripped++;
    await until('the byte to come', () => (writer.bytesRead === dripped ? true : undefined));
    writer.resume();
    clock.advance(30_000);
    assert.ok(dripped <= 2, 'it is closed at the second look');
  }
  assert.equal(clock.pending, 0);
});

test('the next of two writes of one size, of which as much waits at the next look, is progress', () => {
  const clock = new FakeClock();
  const socket = new Socket();
  const at = { bytesWritten: 2 * STEP, writableLength: 2 * STEP, _handle: { writeQueueSize: 900_000 } };
  for (const name of ['bytesWritten', 'writableLength', '_handle'] as const)
    Object.defineProperty(socket, name, { get: () => at[name] });
  const end = closeUnread(socket, 30_000, clock);
  at.writableLength = STEP;
  clock.advance(30_000);
  assert.equal(socket.destroyed, false);
  end();
  clock.advance(60_000);
  assert.equal(socket.destroyed, false, 'nobody looks any more');
});
