import { Lost, Refused } from '../api/failures.js';
import { retrySeconds } from '../model/backoff.js';
import { Changes } from './changes.js';
import { pause } from './pause.js';

/** What is asked of the service again and again, as long as somebody looks and the service answers. */
export abstract class Repeated extends Changes {
  #running: AbortController | undefined;
  #failures = 0;
  #trouble: string | undefined;

  /** Why there is none; undefined: there is. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Goes on, or holds. */
  run(watching: boolean): void {
    if (watching === (this.#running !== undefined)) return;
    this.#running?.abort();
    this.#running = watching ? new AbortController() : undefined;
    if (this.#running !== undefined) void this.#run(this.#running.signal);
  }

  /** Asks once. @returns seconds until it is to be asked again */
  protected abstract ask(signal: AbortSignal): Promise<number>;

  /** The service has said yes. */
  protected answered(): void {
    this.#failures = 0;
    this.#tell(undefined);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const wait = await this.ask(signal).catch((error: unknown) => this.#failed(error, signal));
      await pause(wait, signal);
    }
  }

  #failed(error: unknown, signal: AbortSignal): number {
    if (signal.aborted) return 0;
    if (error instanceof Refused || error instanceof Lost) this.#tell(error.message);
    // One of these is a connection that broke off.
    else if (!(error instanceof TypeError)) console.error(error);
    return retrySeconds(++this.#failures);
  }

  #tell(trouble: string | undefined): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.changed();
  }
}
