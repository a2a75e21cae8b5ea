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
  let written = 0;
  const line = `${'x'.repeat(1023)}\n`;
  while (written < 1000 && stream.write(line)) {
    written++;
    await settle();
  }
  assert.ok(written < 100, `${written} KB went in before anybody had to wait`);
  const before = heard.length;
  clock.advance(250);
  await settle();
  assert.ok(stream.write(line) || heard.length > before, 'the next window reads on');
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
