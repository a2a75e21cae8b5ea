/** Of what is drawn: the ends of the axis of time, and where the values lie. */
export interface SparkBox {
  readonly width: number;
  readonly height: number;
  /** Seconds; the right edge. */
  readonly until: number;
  /** Seconds between the edges. */
  readonly span: number;
  /** Drawn at the upper edge; 0 is at the lower one. */
  readonly top: number;
}

/** The path of an SVG through the values. A null leaves a gap. */
export function sparkPath(
  times: readonly number[],
  values: readonly (number | null)[],
  { width, height, until, span, top }: SparkBox,
): string {
  let path = '';
  let pen = 'M';
  for (const [i, time] of times.entries()) {
    const value = values[i] ?? null;
    const x = width - ((until - time) / span) * width;
    if (value === null || x < 0) {
      pen = 'M';
      continue;
    }
    const y = top > 0 ? height - (Math.min(value, top) / top) * height : height;
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
  }
  return path;
}

export function highest(...columns: readonly (readonly (number | null)[])[]): number {
  return columns.flat().reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
}
