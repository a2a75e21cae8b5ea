import { progress } from './progress.mjs';
import { printComparison } from './table.mjs';

/** How many rounds a comparison has: enough for a median that one disturbed round does not move. */
const ROUNDS = 5;

/**
 * What is measured of a contender.
 * @typedef {object} Metric
 * @property {string} key
 * @property {string} name What it is, for the table: "start, until every worker is in its loop".
 * @property {string} unit
 * @property {'higher' | 'lower'} better
 */

/**
 * Whoever takes part in a comparison.
 * @typedef {object} Contender
 * @property {string} id
 * @property {string} name
 * @property {boolean} [ours]
 * @property {boolean} [limit] It does only what nobody can do without, such as a bare loop: no peer, but a bound.
 * @property {string} [skip] Why it cannot take part on this machine; it is listed with this reason.
 * @property {() => Promise<Record<string, number | undefined> | number>} measure One round: a value by the key of each
 * metric, or the value of the only one.
 */

/**
 * How much better one is than the other, of each round: above 1 is better, whichever way the metric goes.
 * @typedef {object} Ratio
 * @property {string} id
 * @property {string} name
 * @property {string} metric
 * @property {string} of
 * @property {string | string[]} to One contender, or several: the best of them in each round.
 * @property {boolean} [guarded] `--check` fails when it is below half of the recorded one.
 */

/**
 * One run of one benchmark: its comparisons, each measured in interleaved rounds, so that whatever else the machine does
 * meets all contenders.
 */
export class Bench {
  /** What goes into the results. */
  comparisons = [];

  /** @param {{ quick: boolean, rounds?: number }} options */
  constructor({ quick, rounds = ROUNDS }) {
    this.quick = quick;
    this.rounds = rounds;
  }

  /** How long one measurement lasts, in seconds: `full`, or half of it in a quick run. */
  seconds(full) {
    return this.quick ? full / 2 : full;
  }

  /**
   * @param {object} comparison
   * @param {string} comparison.id
   * @param {string} comparison.title
   * @param {string} [comparison.about] A sentence or two for the report: what the contenders do.
   * @param {Metric[]} comparison.metrics
   * @param {Contender[]} comparison.contenders
   * @param {Ratio[]} [comparison.ratios]
   * @param {boolean} [comparison.warmUp] Whether there is a first round that does not count.
   * @param {number} [comparison.mostRounds] For what takes minutes, and hardly differs from round to round.
   */
  async compare(comparison) {
    const { id, title, about, metrics, contenders, ratios = [], warmUp = false } = comparison;
    const rounds = Math.min(this.rounds, comparison.mostRounds ?? this.rounds);
    const able = contenders.filter(({ skip }) => skip === undefined);
    const values = new Map(
      able.map((contender) => [contender.id, Object.fromEntries(metrics.map(({ key }) => [key, []]))]),
    );
    const first = warmUp ? -1 : 0;
    for (let round = first; round < rounds; round++) {
      // Each round begins with another one: nobody is always the first after a pause.
      const turn = Math.max(0, round) % able.length;
      for (const contender of [...able.slice(turn), ...able.slice(0, turn)]) {
        progress(
          `${title}: ${round < 0 ? 'warming up' : `round ${round + 1} of ${rounds}`}, ${contender.name}`,
        );
        const measured = await contender.measure();
        if (round < 0) continue;
        const byKey = typeof measured === 'number' ? { [metrics[0].key]: measured } : measured;
        for (const { key } of metrics) {
          const value = byKey[key];
          if (value === undefined) continue;
          if (!Number.isFinite(value)) throw new Error(`${title}, ${contender.name}: ${key} is ${value}`);
          values.get(contender.id)[key].push(value);
        }
      }
    }
    progress();
    for (const { id: who, name } of able) {
      for (const { key } of metrics) {
        const { length } = values.get(who)[key];
        if (length !== 0 && length !== rounds)
          throw new Error(`${title}, ${name}: ${key} was measured in ${length} of ${rounds} rounds`);
      }
    }
    const result = {
      id,
      title,
      ...(about && { about }),
      metrics,
      contenders: contenders.map(({ id, name, ours = false, limit = false, skip }) => ({
        id,
        name,
        ours,
        ...(limit && { limit }),
        ...(skip === undefined ? { values: values.get(id) } : { skipped: skip }),
      })),
      ratios: ratios.flatMap(({ id, name, metric, of, to, guarded = false }) => {
        const ours = values.get(of)?.[metric];
        const peers = [to].flat().map((peer) => values.get(peer)?.[metric]);
        // Without those that are skipped on this machine.
        const whole = peers.filter((theirs) => theirs?.length > 0);
        if (!ours?.length || whole.length === 0) return [];
        const higher = metrics.find(({ key }) => key === metric).better === 'higher';
        const each = ours.map((value, i) => {
          const theirs = whole.map((peer) => peer[i]);
          return higher ? value / Math.max(...theirs) : Math.min(...theirs) / value;
        });
        return [{ id, name, guarded, values: each }];
      }),
    };
    this.comparisons.push(result);
    printComparison(result);
    return result;
  }
}
