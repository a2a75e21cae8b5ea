import type { HostReport, WorkerReport } from '../host/host-message.js';
import type { WorkerState } from '../schemas/states.js';
import { addCounters, type Counters, rebin, zeroCounters } from './counters.js';

export interface WorkerStatus {
  id: number;
  index: number;
  state: WorkerState;
  counters: Counters;
  /** When the last call ended, or the loop began, in milliseconds since the epoch; 0 before that. */
  progressAt: number;
}

interface Worker {
  readonly id: number;
  /** What ended incarnations have counted. */
  base: Counters;
  progressAt: number;
  /** How the last incarnation left it. */
  state: WorkerState;
}

/**
 * The workers of a group over all its incarnations: their ids, and what they have counted, which never goes back.
 * What the present incarnation has counted is handed in as its last report.
 */
export class GroupWorkers {
  readonly #takeId: () => number;
  #workers: Worker[] = [];
  #bounds: readonly number[];
  /** Counters of workers that the group no longer has. */
  #retired: Counters;

  /** @param takeId takes the next worker id of the service. */
  constructor(takeId: () => number, count: number, bounds: readonly number[]) {
    this.#takeId = takeId;
    this.#bounds = bounds;
    this.#retired = zeroCounters(bounds);
    this.resize(count, bounds);
  }

  get ids(): number[] {
    return this.#workers.map(({ id }) => id);
  }

  /** Upper bounds that all counters of this group are kept in, in seconds. */
  get bounds(): readonly number[] {
    return this.#bounds;
  }

  /** @param stateOf the state of a worker, given its id and how the last incarnation left it. */
  statuses(
    report: HostReport | undefined,
    stateOf: (id: number, left: WorkerState) => WorkerState,
  ): WorkerStatus[] {
    return this.#workers.map((worker, index) => {
      const live = this.#live(worker, report);
      return {
        id: worker.id,
        index,
        state: stateOf(worker.id, worker.state),
        counters: live === undefined ? worker.base : addCounters(worker.base, live),
        progressAt: live?.progressAt || worker.progressAt,
      };
    });
  }

  /** The counters of all workers that the group has had. */
  totals(report: HostReport | undefined): Counters {
    return this.statuses(report, (_, left) => left).reduce(
      (sum, { counters }) => addCounters(sum, counters),
      this.#retired,
    );
  }

  /** Takes in what an incarnation has counted, once it has ended. */
  fold(report: HostReport | undefined, stateOf: (id: number) => WorkerState): void {
    for (const worker of this.#workers) {
      const live = this.#live(worker, report);
      if (live !== undefined) worker.base = addCounters(worker.base, live);
      worker.progressAt = live?.progressAt || worker.progressAt;
      worker.state = stateOf(worker.id);
    }
  }

  /** Brings workers and bounds in line with a spec; ids stay by index. Only while no incarnation lives. */
  resize(count: number, bounds: readonly number[]): void {
    const convert = (counters: Counters) => rebin(counters, this.#bounds, bounds);
    this.#retired = convert(this.#retired);
    for (const worker of this.#workers) worker.base = convert(worker.base);
    this.#bounds = bounds;
    for (const gone of this.#workers.splice(count)) this.#retired = addCounters(this.#retired, gone.base);
    while (this.#workers.length < count) {
      this.#workers.push({ id: this.#takeId(), base: zeroCounters(bounds), progressAt: 0, state: 'idle' });
    }
  }

  /** A report that counts over other bounds is not of a host of ours. */
  #live({ id }: Worker, report: HostReport | undefined): WorkerReport | undefined {
    const live = report?.workers.find((candidate) => candidate.id === id);
    return live?.buckets.length === this.#bounds.length + 1 ? live : undefined;
  }
}
