import { Lost, Refused } from '../api/failures.js';
import { pollSeconds, retrySeconds } from '../model/backoff.js';
import { type GroupView, History, type Snapshot } from '../model/history.js';
import { Changes } from './changes.js';
import { pause } from './pause.js';
import type { TokenKeeper } from './token-keeper.js';

/** Whether the service answers. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | {
      readonly kind: 'lost';
      readonly why: string;
      /** Milliseconds since 1970; undefined when the service has never answered. */
      readonly lastSeen: number | undefined;
      /** The same, of the next try. */
      readonly retryAt: number;
    };

/** Whether the service asks for a token: `wrong` after one that it does not take. */
export type TokenNeed = 'none' | 'needed' | 'wrong';

/** Asks the service again and again how things are, as long as somebody looks. */
export class Session extends Changes {
  connection: Connection = { kind: 'connecting' };
  tokenNeed: TokenNeed = 'none';
  readonly #snapshot: () => Promise<Snapshot>;
  readonly #tokens: TokenKeeper;
  readonly #history = new History();
  #visible = true;
  #failures = 0;
  #lastSeen: number | undefined;
  /** Ends the wait for the next look. */
  #wake = new AbortController();
  #running = false;

  constructor(snapshot: () => Promise<Snapshot>, tokens: TokenKeeper) {
    super();
    this.#snapshot = snapshot;
    this.#tokens = tokens;
  }

  get views(): readonly GroupView[] {
    return this.#history.views;
  }

  /** Whether the service has ever told its groups. */
  get hasSeen(): boolean {
    return this.#lastSeen !== undefined;
  }

  /** Whether there is somebody who looks, and a service that answers: then streams may run. */
  get isWatching(): boolean {
    return this.#visible && this.connection.kind === 'live' && this.tokenNeed === 'none';
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  stop(): void {
    this.#running = false;
    this.lookNow();
  }

  /** A page that nobody sees asks nothing. */
  show(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.changed();
    this.lookNow();
  }

  /** Does not wait any longer. */
  lookNow(): void {
    this.#wake.abort();
  }

  useToken(token: string): void {
    this.#tokens.tryOut(token);
    this.lookNow();
  }

  /** What was seen by it is forgotten as well. */
  forgetToken(): void {
    this.#tokens.forget();
    this.#history.clear();
    this.tokenNeed = 'needed';
    this.changed();
  }

  /** The service has turned a command away for want of a token. */
  refuseToken(): void {
    this.tokenNeed = this.#tokens.current === undefined ? 'needed' : 'wrong';
    this.changed();
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#wake = new AbortController();
      const wait = this.#visible && !this.#waitsForToken() ? await this.#look() : Number.POSITIVE_INFINITY;
      if (!this.#running) return;
      // Longer than any timer may be: until somebody wakes it.
      await pause(Math.min(wait, 86_400), this.#wake.signal);
    }
  }

  #waitsForToken(): boolean {
    return this.tokenNeed !== 'none' && !this.#tokens.isOnTrial;
  }

  /** @returns seconds until the next look */
  async #look(): Promise<number> {
    const began = performance.now();
    const token = this.#tokens.current;
    try {
      const snapshot = await this.#snapshot();
      if (token !== this.#tokens.current) return 0;
      this.#history.add(snapshot);
      this.#tokens.accept();
      this.#failures = 0;
      this.#lastSeen = Date.now();
      this.tokenNeed = 'none';
      this.connection = { kind: 'live' };
      return pollSeconds((performance.now() - began) / 1000);
    } catch (error) {
      // What is said to a token that is not used any more says nothing of the one that is.
      return token === this.#tokens.current ? this.#failed(error) : 0;
    } finally {
      this.changed();
    }
  }

  #failed(error: unknown): number {
    if (error instanceof Refused && error.asksForToken) {
      this.tokenNeed = this.#tokens.reject() ? 'wrong' : 'needed';
      this.#history.clear();
      this.connection = { kind: 'live' };
      return Number.POSITIVE_INFINITY;
    }
    if (!(error instanceof Refused || error instanceof Lost)) console.error(error);
    const wait = retrySeconds(++this.#failures);
    const why = error instanceof Error ? error.message : String(error);
    this.connection = { kind: 'lost', why, lastSeen: this.#lastSeen, retryAt: Date.now() + wait * 1000 };
    return wait;
  }
}
