import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { LOG_LEVELS } from '../schemas/states.js';
import { HOOKS, PHASES } from './protocol.js';

/**
 * What a group host may say to the control plane. User code can reach the host's end of the channel, so the
 * control plane believes nothing that does not fit these schemas. Hosts and threads import types from here and
 * nothing else: loading the validator would double the time that they take to start.
 */

/** 2^53 - 1: beyond it a count is none. */
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Seconds. */
const Amount = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Share = Type.Number({ minimum: 0, maximum: 1 });
/** Milliseconds since the epoch, up to the last that a Date can hold. */
const Moment = Type.Number({ minimum: 0, maximum: 8.64e15 });
const Text = Type.String({ maxLength: 64 * 1024 });
const strict = { additionalProperties: false } as const;

/** A thrown value, made into data where it was caught. */
export const ErrorInfo = Type.Object(
  {
    // What describeThrown cuts at, and room for a few words of the host.
    name: Type.String({ maxLength: 256 }),
    message: Type.String({ maxLength: 2_500 }),
    stack: Type.String({ maxLength: 8_500 }),
  },
  strict,
);
export type ErrorInfo = Static<typeof ErrorInfo>;

export const WorkerReport = Type.Object(
  {
    id: Count,
    /** Time in the worker function in this incarnation, in seconds. */
    seconds: Amount,
    errors: Count,
    /** Calls by duration, one count a bound and one beyond. */
    buckets: Type.Array(Count, { maxItems: 64 }),
    /** When the last call ended, or the loop began, in milliseconds since the epoch; 0 before that. */
    progressAt: Moment,
    /** Log lines, and messages to nobody, that were dropped. */
    droppedLines: Count,
    droppedMessages: Count,
  },
  strict,
);
export type WorkerReport = Static<typeof WorkerReport>;

/** What went through the feed, and what waits. */
export const FeedReport = Type.Object(
  {
    /** Items that wait for a taker. */
    depth: Count,
    /** Those, and what is being written: items and bytes. */
    heldItems: Count,
    heldBytes: Count,
    /** Items and bytes that are written in full, and that their takers may not have seen yet. */
    keptItems: Count,
    keptBytes: Count,
    /** Items and bytes that were taken. */
    items: Count,
    bytes: Count,
    /** Items that were put and that nobody will take. */
    dropped: Count,
    /** Sums over all puts and takes. */
    putWaitSeconds: Amount,
    takeWaitSeconds: Amount,
    /** Takers that wait now. */
    takers: Count,
    /** Shares of the last minute in which anybody waited. */
    putWaitShare: Share,
    takeWaitShare: Share,
  },
  strict,
);
export type FeedReport = Static<typeof FeedReport>;

const message = <T extends string, P extends Parameters<typeof Type.Object>[0]>(type: T, properties: P) =>
  Type.Object({ type: Type.Literal(type), ...properties }, strict);

/** From the host to the control plane. */
export const HostMessage = Type.Union([
  /** Takers can connect to the socket of the feed. */
  message('serving', {}),
  message('initialised', {}),
  /** The worker is in its loop. */
  message('looping', { workerId: Count }),
  message('failed', { phase: Type.Enum([...PHASES]), workerId: Type.Optional(Count), error: ErrorInfo }),
  /** The worker has no more work and tears down. */
  message('finishing', { workerId: Count }),
  /** The worker has no more work, and its thread has ended. */
  message('completed', { workerId: Count }),
  /** Nothing of the worker runs any more; `killed`: its thread was ended by force. */
  message('ended', { workerId: Count, killed: Type.Boolean() }),
  /** A call of the worker takes too long; `failed` follows, with where it hangs if that can be seen. */
  message('stalled', { workerId: Count }),
  /** The worker's thread cannot be ended: it sits in a system call. */
  message('stuck', { workerId: Count }),
  message('hook', {
    hook: Type.Enum([...HOOKS]),
    state: Type.Enum(['started', 'returned', 'failed']),
    error: Type.Optional(ErrorInfo),
  }),
  message('report', {
    /** The number of the request that this answers; 0 for one that nobody asked for. */
    request: Count,
    workers: Type.Array(WorkerReport, { maxItems: 10_000 }),
    rssBytes: Count,
    cpuSeconds: Amount,
    feed: Type.Optional(FeedReport),
  }),
  message('log', {
    level: Type.Enum([...LOG_LEVELS]),
    text: Text,
    workerId: Type.Optional(Count),
    fields: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    /** Lines that were dropped, and are in no report, that this line speaks for. */
    droppedLines: Type.Optional(Count),
  }),
  /** All workers have finished, and everything that they put was taken. */
  message('drained', {}),
  /** Everything has ended and every report is out: the host's last word. */
  message('finished', {}),
]);
export type HostMessage = Static<typeof HostMessage>;
export type HostReport = Extract<HostMessage, { type: 'report' }>;

const hostMessage = Compile(HostMessage);

/** Whether `value` is a message that a host may send. */
export function isHostMessage(value: unknown): value is HostMessage {
  return hostMessage.Check(value);
}
