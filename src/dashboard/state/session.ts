import { Lost, Refused } from '../api/failures.js';
import { LATE_SECONDS, pollSeconds, retrySeconds } from '../model/backoff.js';
import { type GroupView, History, type Snapshot } from '../model/history.js';
import { Changes } from './changes.js';
import { pause } from './pause.js';
import type { TokenKeeper } from './token-keeper.js';

/**
 * How it stands with the service. Each look leads to `live`, `locked` or `lost`, from wherever; one that takes long, from
 * `live` to `late`.
 */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | {
      /** It has not answered for a while, and may yet. */
      readonly kind: 'late';
      /** Milliseconds since 1970. */
      readonly lastSeen: number;
    }
  | {
      /** It asks for a token. */
      readonly kind: 'locked';
      /** It does not take the one that it got. */
      readonly wrong: boolean;
    }
  | {
      readonly kind: 'lost';
      readonly why: string;
      /** It has answered, with a refusal. */
      readonly refused: boolean;
      /** Milliseconds since 1970; undefined when the service has never answered. */
      readonly lastSeen: number | undefined;
      /** The same, of the next try. */
      readonly retryAt: number;
    };

/** Asks the service again and again how things are, as long as somebody looks. */
export class Session extends Changes {
  readonly #snapshot: () => Promise<Snapshot>;
  readonly #tokens: TokenKeeper;
  readonly #history = new History();
  #connection: Connection = { kind: 'connecting' };
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

  get connection(): Connection {
    return this.#connection;
  }

  get views(): readonly GroupView[] {
    return this.#history.views;
  }

  /** Whether the service has told its groups to who has this token. */
  get hasSeen(): boolean {
    return this.#lastSeen !== undefined;
  }

  /** Whether there is somebody who looks, and a service that answers: then more may be asked of it. */
  get isWatching(): boolean {
    return this.#visible && (this.#connection.kind === 'live' || this.#connection.kind === 'late');
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
    this.#lock(false);
  }

  async #run(): Promise<void> {
    while (this.#running) {
      this.#wake = new AbortController();
      const asks = this.#visible && (this.#connection.kind !== 'locked' || this.#tokens.isOnTrial);
      const wait = asks ? await this.#look() : Number.POSITIVE_INFINITY;
      if (!this.#running) return;
      // Longer than any timer may be: until somebody wakes it.
      await pause(Math.min(wait, 86_400), this.#wake.signal);
    }
  }

  /** @returns seconds until the next look */
  async #look(): Promise<number> {
    const began = performance.now();
    const token = this.#tokens.current;
    const late = setTimeout(() => this.#isLate(), LATE_SECONDS * 1000);
    try {
      const snapshot = await this.#snapshot();
      if (token !== this.#tokens.current) return 0;
      this.#history.add(snapshot);
      this.#tokens.accept();
      this.#failures = 0;
      this.#lastSeen = Date.now();
      this.#becomes({ kind: 'live' });
      return pollSeconds((performance.now() - began) / 1000);
    } catch (error) {
      // What is said to a token that is not used any more says nothing of the one that is.
      return token === this.#tokens.current ? this.#failed(error) : 0;
    } finally {
      clearTimeout(late);
    }
  }

  #isLate(): void {
    if (this.#connection.kind === 'live' && this.#lastSeen !== undefined)
      this.#becomes({ kind: 'late', lastSeen: this.#lastSeen });
  }

  #failed(error: unknown): number {
    if (error instanceof Refused && error.asksForToken) {
      this.#lock(this.#tokens.reject());
      return Number.POSITIVE_INFINITY;
    }
    const refused = error instanceof Refused;
    if (!(refused || error instanceof Lost)) console.error(error);
    const wait = retrySeconds(++this.#failures);
    const why = error instanceof Error ? error.message : String(error);
    const retryAt = Date.now() + wait * 1000;
    this.#becomes({ kind: 'lost', why, refused, lastSeen: this.#lastSeen, retryAt });
    return wait;
  }

  #lock(wrong: boolean): void {
    this.#history.clear();
    this.#lastSeen = undefined;
    this.#becomes({ kind: 'locked', wrong });
  }

  #becomes(connection: Connection): void {
    this.#connection = connection;
    this.changed();
  }
}
