import { summary } from '../lib/stats.mjs';

/**
 * What the figures themselves say of where we lose: each metric of each comparison, and each of ours in it, for which
 * somebody else has a better median.
 * @param {boolean} limits Whether that is to peers, or to limits that nobody can pass.
 * @returns {{ comparison: object, metric: object, ours: object, peers: object[] }[]} contenders with their `median`; those
 * who are better also with `factor`, how many times (undefined: infinitely), and `overlap`, whether some round of ours was
 * as good as one of theirs. The best comes first.
 */
export function losses({ comparisons }, limits) {
  return comparisons.flatMap((comparison) =>
    comparison.metrics.flatMap((metric) => {
      const rated = comparison.contenders.flatMap((contender) => {
        const values = contender.values?.[metric.key] ?? [];
        return values.length === 0 ? [] : [{ ...contender, ...summary(values) }];
      });
      return rated
        .filter((one) => one.ours)
        .map((ours) => ({
          comparison,
          metric,
          ours,
          peers: better(
            ours,
            rated.filter((one) => Boolean(one.limit) === limits),
            metric,
          ),
        }))
        .filter(({ peers }) => peers.length > 0);
    }),
  );
}

function better(ours, rated, metric) {
  const sign = metric.better === 'higher' ? 1 : -1;
  return rated
    .filter((one) => !one.ours && sign * (one.median - ours.median) > 0)
    .sort((a, b) => sign * (b.median - a.median))
    .map((peer) => ({
      ...peer,
      factor: factor(peer.median, ours.median),
      overlap: ours.least <= peer.most && peer.least <= ours.most,
    }));
}

function factor(one, other) {
  const [less, more] = one < other ? [one, other] : [other, one];
  return less > 0 ? more / less : undefined;
}
