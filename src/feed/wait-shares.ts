import type { WaitTime } from './wait-time.js';

/** Shares are over the last minute. */
const WINDOW_MS = 60_000;

interface Sample {
  readonly at: number;
  readonly put: number;
  readonly take: number;
}

/** Shares of the last minute in which somebody waited: whose side is the slower one. */
export class WaitShares {
  readonly #put: WaitTime;
  readonly #take: WaitTime;
  readonly #now: () => number;
  readonly #samples: Sample[];

  constructor(put: WaitTime, take: WaitTime, now: () => number) {
    this.#put = put;
    this.#take = take;
    this.#now = now;
    this.#samples = [this.#sample()];
  }

  /** To be called now and then: the window moves with it. */
  tick(): void {
    const sample = this.#sample();
    this.#samples.push(sample);
    while ((this.#samples[1]?.at ?? sample.at) <= sample.at - WINDOW_MS) this.#samples.shift();
  }

  /** 0 to 1 each. */
  read(): { put: number; take: number } {
    const now = this.#sample();
    const [from = now] = this.#samples;
    const passed = now.at - from.at;
    if (passed <= 0) return { put: 0, take: 0 };
    const share = (waited: number) => Math.min(1, Math.max(0, waited / passed));
    return { put: share(now.put - from.put), take: share(now.take - from.take) };
  }

  #sample(): Sample {
    return { at: this.#now(), put: this.#put.any, take: this.#take.any };
  }
}
