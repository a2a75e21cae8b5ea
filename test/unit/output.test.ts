import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { OutputReader } from '#dist/host/output.js';
import { FakeClock, settle } from '../support/fake-clock.js';

function reader() {
  const stream = new PassThrough({ highWaterMark: 1024 });
  const clock = new FakeClock();
  const heard: string[] = [];
  return { stream, clock, heard, output: new OutputReader(stream, clock, (line) => heard.push(line)) };
}

test('lines are handed over whole; the last one, without an end, when the stream is let go', async () => {
  const { stream, heard, output } = reader();
  stream.write('one\ntw');
  stream.write('o\r\n\nthr');
  stream.write(Buffer.from('ee ü').subarray(0, 5));
  await settle();
  assert.deepEqual(heard, ['one', 'two']);
  output.close();
  assert.equal(heard.length, 3);
  assert.match(heard[2] ?? '', /^three /);
});

test('a flood is read no faster than its share: the writer waits', async () => {
  const { stream, clock, heard } = reader();
  const line = `${'x'.repeat(1023)}\n`;
  /** Writes KB after KB until it would have to wait for the reader, and returns how many went in. */
  const flood = async () => {
    for (let written = 0; written < 1000; written++) {
      if (stream.writableNeedDrain) return written;
      stream.write(line);
      await settle();
    }
    throw new Error('1000 KB went in, and nobody had to wait');
  };
  await flood();
  assert.equal(heard.length, 64, 'KB of the first window');
  clock.advance(249);
  await settle();
  assert.equal(heard.length, 64, 'nothing more is read before the window ends');
  assert.ok(stream.writableNeedDrain, 'and the writer waits');
  clock.advance(1);
  await settle();
  assert.ok(heard.length > 64, 'what waited is read when it has ended');
  await flood();
  assert.equal(heard.length, 128, 'KB of two windows');
});

test('a line without an end is cut', async () => {
  const { stream, heard, output } = reader();
  for (let i = 0; i < 30; i++) stream.write('y'.repeat(1024));
  await settle();
  output.close();
  assert.deepEqual(
    heard.map(({ length }) => length),
    [8 * 1024],
  );
});
