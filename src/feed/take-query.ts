import type { ProblemCode } from '../errors.js';

/** Seconds that a take waits unless it says otherwise, and at most. */
export const TAKE_WAIT = { default: 10, most: 300 } as const;
/** The most items that one answer brings. */
export const TAKE_MAX = 1_000;

/** What a taker asks for. */
export interface Take {
  readonly waitSeconds: number;
  /** Up to so many items in one answer; undefined: one, as it is. */
  readonly max: number | undefined;
}

/** Reads a request on the feed's own socket. */
export function readTake(
  method: string | undefined,
  url: string | undefined,
): Take | { code: ProblemCode; detail: string } {
  const [, path, search] = /^([^?]*)\??(.*)$/s.exec(url ?? '') ?? [];
  if (method !== 'POST' || path !== '/take') {
    return {
      code: 'route_not_found',
      detail: `There is no ${method} ${path} here: POST /take is all there is.`,
    };
  }
  const query = new URLSearchParams(search);
  const unknown = [...query.keys()].find((key) => key !== 'waitSeconds' && key !== 'max');
  if (unknown !== undefined) return invalid(`?${unknown} is not known here: remove it, or mend its name`);
  const twice = [...query.keys()].find((key) => query.getAll(key).length > 1);
  if (twice !== undefined) return invalid(`?${twice} is given several times: give it once`);
  const waitSeconds = number(query.get('waitSeconds')) ?? TAKE_WAIT.default;
  if (!(waitSeconds >= 0 && waitSeconds <= TAKE_WAIT.most))
    return invalid(`?waitSeconds must be a number from 0 to ${TAKE_WAIT.most}`);
  const max = number(query.get('max'));
  if (max !== undefined && !(Number.isInteger(max) && max >= 1 && max <= TAKE_MAX))
    return invalid(`?max must be a whole number from 1 to ${TAKE_MAX}`);
  return { waitSeconds, max };
}

/** NaN for what is no number. */
function number(text: string | null): number | undefined {
  if (text === null) return undefined;
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
}

function invalid(detail: string): { code: ProblemCode; detail: string } {
  return { code: 'invalid_request', detail };
}
