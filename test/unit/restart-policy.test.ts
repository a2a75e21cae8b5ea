import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  decideRestart,
  type End,
  NO_RESTARTS,
  type RestartDecision,
  type RestartHistory,
} from '#dist/coordinator/restart-policy.js';
import type { RestartRules } from '#dist/schemas/restart-rules.js';
import { restart } from '../support/coordinator.js';

const failure = (ranSeconds = 0): End => ({ outcome: 'failed', ranSeconds });
const completion = (ranSeconds = 0): End => ({ outcome: 'completed', ranSeconds });

/** One thing after the other happens to the same worker. */
function decisions(rules: RestartRules, ends: readonly End[], random = 0): RestartDecision[] {
  let history = NO_RESTARTS;
  return ends.map((end) => {
    const decision = decideRestart(rules, history, end, random);
    if (decision.restart) history = decision.history;
    return decision;
  });
}

/** The waits in seconds, or why there is none. */
function answers(rules: RestartRules, ends: readonly End[], random = 0): (number | string)[] {
  return decisions(rules, ends, random).map((decision) =>
    decision.restart ? decision.delaySeconds : decision.why,
  );
}

test('never means never, on-failure leaves completed work alone, always covers both', () => {
  const ends = [failure(), completion()];
  assert.deepEqual(answers(restart({ policy: 'never' }), ends), ['policy', 'policy']);
  assert.deepEqual(answers(restart({ policy: 'on-failure' }), ends), [1, 'policy']);
  assert.deepEqual(answers(restart({ policy: 'always' }), ends), [1, 1]);
});

test('as many restarts as the budget has, and the next failure is final', () => {
  const rules = restart({ policy: 'on-failure', maxRestarts: 2 });
  assert.deepEqual(answers(rules, [failure(1), failure(1), failure(1), failure(1)]), [
    1,
    2,
    'budget',
    'budget',
  ]);
});

test('a budget of no restarts makes the first failure final, but completed work still starts again', () => {
  const rules = restart({ policy: 'always', maxRestarts: 0 });
  assert.deepEqual(answers(rules, [completion(), failure()]), [1, 'budget']);
});

test('a restart is forgotten after the window, counted in seconds of running', () => {
  const rules = restart({ policy: 'on-failure', maxRestarts: 1, windowSeconds: 30 });
  assert.deepEqual(answers(rules, [failure(5), failure(29.5)]), [1, 'budget'], 'just within the window');
  assert.deepEqual(answers(rules, [failure(5), failure(30)]), [1, 1], 'just beyond it');
});

test('running that was split by completed work adds up to the window', () => {
  const rules = restart({ policy: 'always', maxRestarts: 1, windowSeconds: 30 });
  const ends = [failure(), completion(10), completion(10), failure(10)];
  assert.deepEqual(answers(rules, ends), [1, 1, 1, 1]);
  const shorter = [failure(), completion(10), completion(10), failure(9)];
  assert.deepEqual(answers(rules, shorter), [1, 1, 1, 'budget']);
});

test('a start that fails at once does no running, so no number of them empties the window', () => {
  const rules = restart({ policy: 'on-failure', maxRestarts: 3 });
  assert.equal(answers(rules, new Array(4).fill(failure(0))).at(-1), 'budget');
});

test('each further wait is longer by the factor, up to the longest', () => {
  const backoff = { initialSeconds: 0.5, factor: 3, maxSeconds: 10, jitter: 0 };
  const rules = restart({ policy: 'on-failure', maxRestarts: 10, backoff });
  assert.deepEqual(answers(rules, new Array(5).fill(failure())), [0.5, 1.5, 4.5, 10, 10]);
});

test('a first wait that is longer than the longest is cut to it', () => {
  const backoff = { initialSeconds: 20, factor: 2, maxSeconds: 3, jitter: 0 };
  assert.deepEqual(answers(restart({ policy: 'on-failure', backoff }), [failure()]), [3]);
});

test('jitter only shortens a wait, by up to its share, also the longest', () => {
  const backoff = { initialSeconds: 8, factor: 2, maxSeconds: 16, jitter: 0.25 };
  const rules = restart({ policy: 'on-failure', backoff });
  const ends = [failure(), failure(), failure()];
  assert.deepEqual(answers(rules, ends, 0), [8, 16, 16]);
  assert.deepEqual(answers(rules, ends, 0.5), [7, 14, 14]);
  assert.deepEqual(answers(rules, ends, 1), [6, 12, 12]);
});

test('completed work uses up nothing and waits for the first wait only', () => {
  const rules = restart({ policy: 'always', maxRestarts: 2 });
  const ends = [...new Array<End>(50).fill(completion(0)), failure(), failure(), completion(), failure()];
  assert.deepEqual(answers(rules, ends).slice(50), [1, 2, 1, 'budget']);
});

test('the wait after very many restarts is a number: the longest, or 0 when the first is 0', () => {
  const many: RestartHistory = { upSeconds: 0, restarts: new Array<number>(5_000).fill(0) };
  const wait = (initialSeconds: number) => {
    const backoff = { initialSeconds, factor: 10, maxSeconds: 60, jitter: 0.5 };
    const rules = restart({ policy: 'on-failure', maxRestarts: 10_000, backoff });
    const decision = decideRestart(rules, many, failure(), 0);
    return decision.restart && decision.delaySeconds;
  };
  assert.equal(wait(0), 0);
  assert.equal(wait(1), 60);
});

// Quarters of a second and powers of two: sums and products of them are exact, so the model may add in any order.
const quarters = (max: number) => fc.integer({ min: 0, max: max * 4 }).map((count) => count / 4);

const rules: fc.Arbitrary<RestartRules> = fc.record({
  policy: fc.constantFrom('never', 'on-failure', 'always'),
  scope: fc.constantFrom('worker', 'group'),
  maxRestarts: fc.integer({ min: 0, max: 6 }),
  windowSeconds: fc.integer({ min: 1, max: 80 }).map((count) => count / 4),
  backoff: fc.record({
    initialSeconds: fc.constantFrom(0, 0.25, 1, 3),
    factor: fc.constantFrom(1, 2, 3),
    maxSeconds: fc.constantFrom(0, 1, 5, 60),
    jitter: fc.constantFrom(0, 0.25, 1),
  }),
});

interface Happening {
  readonly outcome: 'failed' | 'completed';
  readonly ranSeconds: number;
  readonly random: number;
}

const happening: fc.Arbitrary<Happening> = fc.record({
  outcome: fc.constantFrom('failed', 'failed', 'completed'),
  ranSeconds: fc.oneof({ weight: 3, arbitrary: quarters(4) }, quarters(25)),
  random: fc.constantFrom(0, 0.5, 1),
});

/**
 * The policy as it is documented, told from the whole past: every event that ever was, with the time of running at
 * which it happened, and counts made from scratch for each question.
 */
class Chronicle {
  readonly #rules: RestartRules;
  readonly #past: (Happening & { granted: boolean })[] = [];

  constructor(rules: RestartRules) {
    this.#rules = rules;
  }

  expect(next: Happening): number | 'policy' | 'budget' {
    const expected = this.#expect(next);
    this.#past.push({ ...next, granted: typeof expected === 'number' });
    return expected;
  }

  #expect(next: Happening): number | 'policy' | 'budget' {
    const { policy, maxRestarts } = this.#rules;
    if (policy === 'never') return 'policy';
    if (next.outcome === 'completed') return policy === 'always' ? this.#wait(0, next.random) : 'policy';
    const used = this.#usedAt(next);
    return used < maxRestarts ? this.#wait(used, next.random) : 'budget';
  }

  /** Failures with a restart after which it has run for less than the window up to the failure that is `next`. */
  #usedAt(next: Happening): number {
    let used = 0;
    let ranSince = next.ranSeconds;
    for (const { outcome, granted, ranSeconds } of this.#past.toReversed()) {
      if (ranSince >= this.#rules.windowSeconds) break;
      if (outcome === 'failed' && granted) used++;
      ranSince += ranSeconds;
    }
    return used;
  }

  #wait(restartsBefore: number, random: number): number {
    const { initialSeconds, factor, maxSeconds, jitter } = this.#rules.backoff;
    let wait = initialSeconds;
    for (let i = 0; i < restartsBefore; i++) wait *= factor;
    if (wait > maxSeconds) wait = maxSeconds;
    return wait - wait * jitter * random;
  }
}

function close(actual: number | string, expected: number | string): boolean {
  if (typeof actual === 'string' || typeof expected === 'string') return actual === expected;
  return Math.abs(actual - expected) <= 1e-9 * Math.max(1, expected);
}

test('10,000 random histories: every decision and every wait is the documented one', () => {
  fc.assert(
    fc.property(rules, fc.array(happening, { maxLength: 30 }), (rules, happenings) => {
      const chronicle = new Chronicle(rules);
      let history = NO_RESTARTS;
      for (const { outcome, ranSeconds, random } of happenings) {
        const decision = decideRestart(rules, history, { outcome, ranSeconds }, random);
        const actual = decision.restart ? decision.delaySeconds : decision.why;
        const expected = chronicle.expect({ outcome, ranSeconds, random });
        assert.ok(close(actual, expected), `${actual} instead of ${expected}`);
        // Nothing follows an end without a restart.
        if (!decision.restart) return;
        history = decision.history;
      }
    }),
    { numRuns: 10_000 },
  );
});

test('after a healthy window the budget is whole again, whatever was before', () => {
  fc.assert(
    fc.property(
      rules.filter(({ policy }) => policy !== 'never'),
      fc.array(happening, { maxLength: 20 }),
      quarters(5),
      (rules, happenings, beyond) => {
        let history = NO_RESTARTS;
        for (const { outcome, ranSeconds, random } of happenings) {
          const decision = decideRestart(rules, history, { outcome, ranSeconds }, random);
          if (decision.restart) history = decision.history;
        }
        const chain = (from: RestartHistory, first: number) => {
          const said: (number | string)[] = [];
          let history = from;
          for (let i = 0; i <= rules.maxRestarts; i++) {
            const decision = decideRestart(rules, history, failure(i === 0 ? first : 0), 0);
            said.push(decision.restart ? decision.delaySeconds : decision.why);
            if (decision.restart) history = decision.history;
          }
          return said;
        };
        const rested = chain(history, rules.windowSeconds + beyond);
        assert.deepEqual(rested, chain(NO_RESTARTS, 0), 'like one that has never failed');
        assert.equal(rested.filter((wait) => typeof wait === 'number').length, rules.maxRestarts);
      },
    ),
    { numRuns: 10_000 },
  );
});
