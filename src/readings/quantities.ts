/** What stands where there is nothing to say. */
export const NOTHING = '-';

const group = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export function count(value: number): string {
  return group.format(value);
}

/** A number with three digits that count, such as 0.25, 12.3 or 41,800. */
export function rate(value: number): string {
  if (value >= 100 || value === 0) return group.format(value);
  return value.toFixed(value >= 10 ? 1 : 2);
}

/** @param seconds how long a call takes: from microseconds to hours */
export function duration(seconds: number): string {
  if (seconds < 0.0009995) return `${threeDigits(seconds * 1e6)} µs`;
  if (seconds < 0.9995) return `${threeDigits(seconds * 1e3)} ms`;
  return seconds < 99.95 ? `${threeDigits(seconds)} s` : age(seconds);
}

/** @param seconds how long something has lasted, in its largest unit */
export function age(seconds: number): string {
  const units: [string, number][] = [
    ['d', 86_400],
    ['h', 3600],
    ['min', 60],
  ];
  const [unit, size] = units.find(([, size]) => seconds >= 2 * size) ?? ['s', 1];
  return `${Math.max(0, Math.floor(seconds / size))} ${unit}`;
}

export function memory(bytes: number): string {
  const mib = bytes / 2 ** 20;
  return mib < 10_000 ? `${group.format(mib)} MiB` : `${group.format(mib / 1024)} GiB`;
}

function threeDigits(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
