import assert from 'node:assert/strict';
import test from 'node:test';
import { LineLimit, SOURCE_RATE } from '#dist/host/line-limit.js';

const MIB = 1024 * 1024;
const KIB = 1024;

function limited() {
  let now = 5_000;
  const limit = new LineLimit(() => now);
  return {
    limit,
    advance: (milliseconds: number) => {
      now += milliseconds;
    },
    /** How many of so many lines pass. */
    passing: (lines: number, characters = 10) => {
      let passed = 0;
      for (let i = 0; i < lines; i++) if (limit.take(characters)) passed++;
      return passed;
    },
  };
}

test('a burst of 1,000 lines passes at once, and no more', () => {
  const { passing } = limited();
  assert.equal(passing(1_500), 1_000);
});

test('after a burst 200 lines a second pass, as time goes on', () => {
  const { passing, advance } = limited();
  passing(1_000);
  advance(1_000);
  assert.equal(passing(500), SOURCE_RATE.lines);
  advance(5);
  assert.equal(passing(500), 1, 'a line every 5 ms');
  advance(4);
  assert.equal(passing(500), 0);
});

test('a long silence saves up one burst, not more', () => {
  const { passing, advance } = limited();
  passing(1_000);
  advance(3_600_000);
  assert.equal(passing(5_000), 1_000);
});

test('long lines are bounded by their characters: 1 MiB at once, 256 KiB a second', () => {
  const { passing, advance } = limited();
  assert.equal(passing(100, 64 * KIB), 16);
  advance(1_000);
  assert.equal(passing(100, 64 * KIB), 4);
});

test('a line that is longer than a burst never passes, and costs the others nothing', () => {
  const { passing, limit, advance } = limited();
  assert.equal(limit.take(MIB + 1), false);
  advance(60_000);
  assert.equal(limit.take(MIB + 1), false);
  assert.equal(limit.take(MIB), true, 'a line of a whole burst does');
  assert.equal(passing(1, 1), 0);
});

test('a long line that is dropped lets a short one after it pass', () => {
  const { limit } = limited();
  assert.equal(limit.take(MIB - 10), true);
  assert.equal(limit.take(11), false);
  assert.equal(limit.take(10), true);
});

test('an empty line counts as a line', () => {
  const { passing } = limited();
  assert.equal(passing(1_001, 0), 1_000);
});

test('nothing dropped, nothing to complain about, not even at the end', () => {
  const { limit, passing, advance } = limited();
  passing(1_000);
  advance(10_000);
  assert.equal(limit.complaint(), undefined);
  assert.equal(limit.complaint(true), undefined);
});

test('a complaint tells the number of dropped lines once, and at most once a second', () => {
  const { limit, passing, advance } = limited();
  passing(1_003);
  assert.equal(limit.complaint(), undefined, 'the first second is not over');
  advance(999);
  assert.equal(limit.complaint(), undefined);
  advance(1);
  const complaint = limit.complaint();
  assert.equal(complaint?.droppedLines, 3);
  assert.equal(complaint.text, '3 log lines were dropped: more than 200 lines or 256 KiB a second');
  assert.equal(limit.complaint(), undefined, 'it was told');

  passing(207);
  assert.equal(limit.complaint(), undefined, 'it was told a moment ago');
  passing(2);
  advance(1_000);
  assert.equal(limit.complaint()?.droppedLines, 9, 'what was dropped meanwhile adds up');
});

test('the last word does not wait for the second to be over', () => {
  const { limit, passing } = limited();
  passing(1_001);
  assert.equal(limit.complaint(true)?.droppedLines, 1);
  assert.equal(limit.complaint(true), undefined);
});
