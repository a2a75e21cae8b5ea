import type { WorkerReport } from '../host/host-message.js';
import type { WorkerState } from '../schemas/states.js';
import { addCounters, type Counters, rebin, zeroCounters } from './counters.js';

export interface WorkerStatus {
  id: number;
  index: number;
  state: WorkerState;
  counters: Counters;
  /** When the last call ended, or the loop began, in milliseconds since the epoch; 0 before that. */
  progressAt: number;
  /** How often it alone was started again. */
  restarts: number;
  /** When it starts again, while it waits for that. */
  restartAt: Date | undefined;
}

interface Worker {
  readonly id: number;
  /** What ended incarnations have counted. */
  base: Counters;
  progressAt: number;
  /** How the last incarnation left it. */
  state: WorkerState;
  restarts: number;
}

/** What the present incarnation knows of the workers. */
export interface LiveWorkers {
  /** The last report of the worker. */
  report(id: number): WorkerReport | undefined;
  workerState(id: number): WorkerState | undefined;
  restartAt(id: number): Date | undefined;
}

/**
 * The workers of a group over all its incarnations: their ids, and what they have counted, which never goes back.
 * What the present incarnation has counted is read from it.
 */
export class GroupWorkers {
  #workers: Worker[] = [];
  #bounds: readonly number[];
  /** Counters of workers that the group no longer has. */
  #retired: Counters;

  /** @param ids of the workers, by index. */
  constructor(ids: readonly number[], bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#retired = zeroCounters(bounds);
    this.resize(ids, bounds);
  }

  get ids(): number[] {
    return this.#workers.map(({ id }) => id);
  }

  /** Upper bounds that all counters of this group are kept in, in seconds. */
  get bounds(): readonly number[] {
    return this.#bounds;
  }

  statuses(live: LiveWorkers | undefined): WorkerStatus[] {
    return this.#workers.map((worker, index) => {
      const report = live?.report(worker.id);
      return {
        id: worker.id,
        index,
        state: live?.workerState(worker.id) ?? worker.state,
        counters: report === undefined ? worker.base : addCounters(worker.base, report),
        progressAt: report?.progressAt || worker.progressAt,
        restarts: worker.restarts,
        restartAt: live?.restartAt(worker.id),
      };
    });
  }

  /** The counters of all workers that the group has had. */
  totals(live: LiveWorkers | undefined): Counters {
    return this.statuses(live).reduce((sum, { counters }) => addCounters(sum, counters), this.#retired);
  }

  restarted(id: number): void {
    const worker = this.#workers.find((candidate) => candidate.id === id);
    if (worker !== undefined) worker.restarts++;
  }

  /** Takes in what an incarnation has counted, once it has ended. @param left the state of who had not ended. */
  fold(live: LiveWorkers, left: 'stopped' | 'failed'): void {
    this.#workers = this.statuses(live).map(({ id, state, counters, progressAt, restarts }) => ({
      id,
      base: counters,
      progressAt,
      // It may have been hanging when its host died.
      state: state === 'stopping' || state === 'stalled' ? left : state,
      restarts,
    }));
  }

  /** Gives the group more workers while an incarnation lives. */
  add(ids: readonly number[]): void {
    for (const id of ids) this.#workers.push(this.#fresh(id));
  }

  /** The worker has left the living incarnation: what it has counted stays, its id is never used again. */
  retire(id: number, live: LiveWorkers): void {
    const status = this.statuses(live).find((candidate) => candidate.id === id);
    if (status === undefined) return;
    this.#retired = addCounters(this.#retired, status.counters);
    this.#workers = this.#workers.filter((worker) => worker.id !== id);
  }

  /** Brings workers and bounds in line with a spec. Only while no incarnation lives. */
  resize(ids: readonly number[], bounds: readonly number[]): void {
    const convert = (counters: Counters) => rebin(counters, this.#bounds, bounds);
    this.#retired = convert(this.#retired);
    for (const worker of this.#workers) worker.base = convert(worker.base);
    this.#bounds = bounds;
    const before = new Map(this.#workers.map((worker) => [worker.id, worker]));
    this.#workers = ids.map((id) => before.get(id) ?? this.#fresh(id));
    for (const { id, base } of before.values())
      if (!ids.includes(id)) this.#retired = addCounters(this.#retired, base);
  }

  #fresh(id: number): Worker {
    return { id, base: zeroCounters(this.#bounds), progressAt: 0, state: 'idle', restarts: 0 };
  }
}
