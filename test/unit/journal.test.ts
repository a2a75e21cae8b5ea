import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Journal } from '#dist/events/journal.js';
import { JournalReader } from '#dist/events/journal-reader.js';
import { scaled } from '../support/chance.js';

const SMALL = { entries: 3, bytes: 100 };
const all = () => true;
const tellLost = (lost: number) => `(${lost})`;

function journalOf(texts: readonly string[], bounds = SMALL, first = 0) {
  const journal = new Journal(bounds, first);
  for (const text of texts) journal.append({ text });
  return journal;
}

function kept(journal: Journal<{ text: string }>): (string | undefined)[] {
  return Array.from({ length: journal.next - journal.first }, (_, i) => journal.at(journal.first + i)?.text);
}

/** All that there is to read now, and why it is no more. */
function readAll(reader: JournalReader<{ text: string }>): [text: string, then: string] {
  let text = '';
  for (;;) {
    const piece = reader.next();
    if (typeof piece === 'string') return [text, piece];
    text += piece.text;
  }
}

test('a journal keeps so many entries, each under the position that it got', () => {
  const journal = journalOf(['a', 'b', 'c', 'd', 'e'], SMALL, 10);
  assert.deepEqual([journal.start, journal.first, journal.next], [10, 12, 15]);
  assert.deepEqual(kept(journal), ['c', 'd', 'e']);
  assert.deepEqual([journal.at(11), journal.at(15)], [undefined, undefined]);
});

test('and so many bytes: a large entry takes the place of many, and the newest is kept whatever its size', () => {
  assert.deepEqual(kept(journalOf(['a', 'b', 'x'.repeat(99)])), ['b', 'x'.repeat(99)]);
  assert.deepEqual(
    kept(journalOf(['a', 'ü'.repeat(50), 'c'])),
    ['ü'.repeat(50), 'c'].slice(1),
    'bytes, not characters',
  );
  const huge = 'y'.repeat(1_000);
  assert.deepEqual(kept(journalOf(['a', huge])), [huge]);
  assert.deepEqual(kept(journalOf(['a', huge, 'c'])), ['c']);
});

test('a reader goes on from its position, and waits where there is nothing', () => {
  const journal = journalOf(['a', 'b']);
  const reader = new JournalReader({ journal, from: 1, head: 'head ', wants: all });
  assert.deepEqual(readAll(reader), ['head b', 'wait']);
  journal.append({ text: 'c' });
  assert.deepEqual(readAll(reader), ['c', 'wait']);
  journal.append({ text: 'd' });
  journal.end();
  assert.deepEqual(readAll(reader), ['d', 'end'], 'what was there at the end is read before it');
});

test('who is too slow is cut off, or told how much is lost', () => {
  const journal = journalOf(['a']);
  const strict = new JournalReader({ journal, from: 0, wants: all });
  const lenient = new JournalReader({ journal, from: 0, wants: all, tellLost });
  for (const text of ['b', 'c']) journal.append({ text });
  assert.equal(strict.cutOff, false, 'all is there still');
  for (const text of ['d', 'e']) journal.append({ text });
  assert.equal(strict.cutOff, true);
  assert.equal(strict.next(), 'cut');
  assert.deepEqual(readAll(lenient), ['(2)cde', 'wait']);
  assert.equal(lenient.cutOff, false);
});

test('what is read is cut into pieces of about 16 KiB, and no character in two', () => {
  const journal = journalOf(Array(40).fill('z'.repeat(1_000)), { entries: 100, bytes: 1e6 });
  const head = `x${'😀'.repeat(20_000)}`;
  const reader = new JournalReader({ journal, from: 0, head, wants: all });
  const pieces: string[] = [];
  for (let piece = reader.next(); typeof piece === 'object'; piece = reader.next()) pieces.push(piece.text);
  assert.equal(pieces.join(''), head + 'z'.repeat(40_000));
  for (const piece of pieces) {
    assert.ok(piece.length <= 17_400, `${piece.length} characters`);
    assert.equal(Buffer.from(piece).toString(), piece, 'half a character');
  }
});

test('whatever is read when: nothing comes twice or out of order, and all that is missing is told', () => {
  const acts = fc.array(fc.oneof(fc.constant('append' as const), fc.constant('read' as const)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(acts, fc.integer({ min: 1, max: 5 }), (steps, entries) => {
      const journal = new Journal({ entries, bytes: 1e6 }, 0);
      const reader = new JournalReader({
        journal,
        from: 0,
        wants: all,
        tellLost: (lost) => `-${lost} `,
      });
      let seen = '';
      for (const step of steps) {
        if (step === 'append') journal.append({ text: `${journal.next} ` });
        else seen += readAll(reader)[0];
      }
      seen += readAll(reader)[0];
      let next = 0;
      for (const word of seen.split(' ').slice(0, -1)) {
        if (word.startsWith('-')) next += Number(word.slice(1));
        else assert.equal(Number(word), next++);
      }
      assert.equal(next, journal.next);
    }),
    { numRuns: scaled(1_000) },
  );
});
