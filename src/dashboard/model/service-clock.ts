const SAMPLES = 60;

/**
 * What time it is for the service, by the Date of its answers: moments in them are of its clock, which need not be that
 * of the browser. Date is in whole seconds, rounded down, and has travelled: so the latest that any answer allows is the
 * nearest.
 */
export class ServiceClock {
  readonly #now: () => number;
  #leads: number[] = [];

  /** @param now milliseconds of the browser's clock */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** @param date the header of an answer that has just come; null or nonsense is left out */
  note(date: string | null): void {
    const told = Date.parse(date ?? '');
    if (!Number.isNaN(told)) this.#leads = [...this.#leads, told - this.#now()].slice(-SAMPLES);
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#now() + (this.#leads.length === 0 ? 0 : Math.max(...this.#leads));
  }

  /** Seconds since the moment, as the service writes it; not below 0. */
  since(moment: string): number {
    return Math.max(0, (this.now() - Date.parse(moment)) / 1000);
  }
}
