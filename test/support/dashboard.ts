import type { TestContext } from 'node:test';
import { Refused } from '#dist/dashboard/api/failures.js';
import type { Snapshot } from '#dist/dashboard/model/history.js';
import { Session } from '#dist/dashboard/state/session.js';
import { TokenKeeper } from '#dist/dashboard/state/token-keeper.js';
import { GroupStatus } from '#dist/schemas/group-status.js';

/** What never comes fails the test, and not the whole run. */
export const BOUND = { timeout: 30_000 };

/** The group of the documentation. */
export const [EXAMPLE] = (GroupStatus as unknown as { examples: [GroupStatus] }).examples;

/** A snapshot of one group, in which so many calls of a millisecond have ended. */
export function snapshot(at: number, calls: number, change: Partial<GroupStatus> = {}): Snapshot {
  const group = { ...EXAMPLE, ...change };
  const buckets = [
    [0.001, calls],
    [Number.POSITIVE_INFINITY, calls],
  ] as const;
  return {
    at,
    groups: [group],
    times: new Map([[group.name, { count: calls, seconds: calls / 1000, buckets }]]),
  };
}

export const problem = (status: number, code: string) => ({
  type: '',
  title: '',
  status,
  code,
  detail: `because ${code}`,
});

export const refused = (status: number, code: string) =>
  new Refused(problem(status, code) as Refused['problem']);

/** Waits until the session has changed to what is wanted. */
export function becomes(session: Session, wanted: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (wanted()) return resolve();
    const end = session.subscribe(() => {
      if (!wanted()) return;
      end();
      resolve();
    });
  });
}

export function isLocked({ connection }: Session, wrong: boolean): boolean {
  return connection.kind === 'locked' && connection.wrong === wrong;
}

export function memory() {
  const kept = new Map<string, string>();
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
}

/** A session whose questions a test answers, each with the token that it was asked with. */
export function askedSession(t: TestContext) {
  const storage = memory();
  const tokens = new TokenKeeper(storage);
  interface Question {
    readonly token: string | undefined;
    readonly answer: (snapshot: Snapshot) => void;
    readonly refuse: (error: unknown) => void;
  }
  const questions: Question[] = [];
  let asked = () => {};
  const session = new Session(
    () =>
      new Promise((answer, refuse) => {
        questions.push({ token: tokens.current, answer, refuse });
        asked();
      }),
    tokens,
  );
  t.after(() => session.stop());
  session.start();
  const next = async (): Promise<Question> => {
    while (questions.length === 0)
      await new Promise<void>((resolve) => {
        asked = resolve;
      });
    return questions.shift() as Question;
  };
  return { session, tokens, kept: storage.kept, next };
}

/** An answer, or a stream, that says this and ends. */
export const says = (text: string) => new Response(text);
