const KEY = 'parallel-workers-token';

/** The part of `sessionStorage` that is needed: it lives as long as the tab, and no other tab sees it. */
export interface TokenStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** The token of this tab. It is kept once the service has taken it. */
export class TokenKeeper {
  readonly #storage: TokenStorage | undefined;
  #current: string | undefined;
  #onTrial = false;

  /** @param storage undefined where the browser gives none: then the token is gone with the page */
  constructor(storage: TokenStorage | undefined) {
    this.#storage = storage;
    this.#current = storage?.getItem(KEY) ?? undefined;
  }

  get current(): string | undefined {
    return this.#current;
  }

  /** Whether the service has not said yet what it thinks of it. */
  get isOnTrial(): boolean {
    return this.#onTrial;
  }

  tryOut(token: string): void {
    this.#current = token;
    this.#onTrial = true;
  }

  /** The service has answered. */
  accept(): void {
    if (!this.#onTrial || this.#current === undefined) return;
    this.#onTrial = false;
    try {
      this.#storage?.setItem(KEY, this.#current);
    } catch {
      // No room: then it is gone with the page.
    }
  }

  /** The service does not take it. @returns whether there was one */
  reject(): boolean {
    const had = this.#current !== undefined;
    this.forget();
    return had;
  }

  forget(): void {
    this.#current = undefined;
    this.#onTrial = false;
    this.#storage?.removeItem(KEY);
  }
}
