import { Lost, Refused } from '../api/failures.js';
import { retrySeconds } from '../model/backoff.js';
import { pause } from './pause.js';

export interface Followed {
  /** Asks for the stream, from where the last one has ended. */
  open(signal: AbortSignal): Promise<Response>;
  /** Takes what comes, of one stream. */
  begin(): (text: string) => void;
  /** Why there is none; undefined: there is one. */
  trouble(why: string | undefined): void;
}

/** Reads a stream as long as it is to run, and asks for it again whenever it has ended. */
export class Follower {
  readonly #followed: Followed;
  #running: AbortController | undefined;

  constructor(followed: Followed) {
    this.#followed = followed;
  }

  /** Does nothing while it runs already. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const response = await this.#followed.open(signal);
        failures = 0;
        this.#followed.trouble(undefined);
        await readText(response, this.#followed.begin(), signal);
      } catch (error) {
        // Whether the service is there at all, the session says.
        if (error instanceof Refused) this.#followed.trouble(error.message);
        else if (!signal.aborted && !(error instanceof Lost || error instanceof TypeError))
          console.error(error);
      }
      await pause(retrySeconds(failures + 1), signal);
    }
  }
}

async function readText(
  { body }: Response,
  take: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      take(decoder.decode(value, { stream: true }));
    }
  } finally {
    // One that is not read to its end would keep its connection, of which a browser has six.
    void reader.cancel().catch(() => {});
  }
}
