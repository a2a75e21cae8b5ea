/** How long a client may take, in milliseconds. Whoever takes longer is answered 408, or nothing if it said nothing. */
export interface Timeouts {
  /** From the connection, or the end of the request before, to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** Without a new request, after an answer. */
  readonly keepAliveMs: number;
  /** How often it is looked for clients that took too long. */
  readonly checkMs: number;
}

export const TIMEOUTS: Timeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 60_000,
  checkMs: 1_000,
};
