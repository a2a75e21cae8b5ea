/** How long somebody has waited for something: summed over all who waited, and as the time in which anybody did. */
export class WaitTime {
  readonly #now: () => number;
  #waiting = 0;
  #since = 0;
  #sum = 0;
  #any = 0;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Milliseconds, those who wait now included. */
  get sum(): number {
    this.#settle();
    return this.#sum;
  }

  /** Milliseconds in which at least one waited. */
  get any(): number {
    this.#settle();
    return this.#any;
  }

  /** So many more wait, or fewer. */
  change(by: number): void {
    if (by === 0) return;
    this.#settle();
    this.#waiting += by;
  }

  #settle(): void {
    const now = this.#now();
    if (this.#waiting > 0) {
      this.#sum += this.#waiting * (now - this.#since);
      this.#any += now - this.#since;
    }
    this.#since = now;
  }
}
