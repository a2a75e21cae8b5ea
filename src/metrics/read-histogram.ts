import { Histogram, type MetricValueWithName } from 'prom-client';

/** A histogram as it stands: counts by bucket, the last beyond all bounds. */
export interface HistogramReading {
  readonly labels: Readonly<Record<string, string>>;
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  readonly sum: number;
}

/**
 * A histogram whose values are counted elsewhere and read at each scrape: gauges and counters of prom-client can
 * be set in `collect`, its histograms cannot. Each reading brings its own bounds.
 */
export class ReadHistogram extends Histogram<string> {
  readonly #name: string;
  readonly #help: string;
  readonly #read: () => readonly HistogramReading[];

  constructor(name: string, help: string, read: () => readonly HistogramReading[]) {
    super({ name, help, registers: [] });
    this.#name = name;
    this.#help = help;
    this.#read = read;
  }

  /** What the registry renders, and what `get` is made of; prom-client's types do not know of it. */
  async getForPromString() {
    const values = this.#read().flatMap((reading) => series(this.#name, reading));
    return { name: this.#name, help: this.#help, type: 'histogram', values, aggregator: 'sum' };
  }
}

function series(
  name: string,
  { labels, bounds, buckets, sum }: HistogramReading,
): MetricValueWithName<string>[] {
  let count = 0;
  const cumulative = buckets.map((inBucket, i) => {
    count += inBucket;
    const le = bounds[i] === undefined ? '+Inf' : String(bounds[i]);
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...cumulative,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
