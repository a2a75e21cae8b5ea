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
      state: state === 'stopping' ? left : state,
      restarts,
    }));
  }

  /** Gives the group more workers while an incarnation lives. Returns all ids. */
  add(count: number): number[] {
    for (let i = 0; i < count; i++) this.#push();
    return this.ids;
  }

  /** The worker has left the living incarnation: what it has counted stays, its id is never used again. */
  retire(id: number, live: LiveWorkers): void {
    const status = this.statuses(live).find((candidate) => candidate.id === id);
    if (status === undefined) return;
    this.#retired = addCounters(this.#retired, status.counters);
    this.#workers = this.#workers.filter((worker) => worker.id !== id);
  }

  /** Brings workers and bounds in line with a spec; ids stay by index. Only while no incarnation lives. */
  resize(count: number, bounds: readonly number[]): void {
    const convert = (counters: Counters) => rebin(counters, this.#bounds, bounds);
    this.#retired = convert(this.#retired);
    for (const worker of this.#workers) worker.base = convert(worker.base);
    this.#bounds = bounds;
    for (const gone of this.#workers.splice(count)) this.#retired = addCounters(this.#retired, gone.base);
    while (this.#workers.length < count) this.#push();
  }

  #push(): void {
    const base = zeroCounters(this.#bounds);
    this.#workers.push({ id: this.#takeId(), base, progressAt: 0, state: 'idle', restarts: 0 });
  }
}
