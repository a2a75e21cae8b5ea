import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Coordinator } from '../coordinator/coordinator.js';
import { iterations } from '../coordinator/counters.js';
import type { Group } from '../coordinator/group.js';
import type { WorkerStatus } from '../coordinator/group-workers.js';
import { GROUP_STATES, STREAM_KINDS, type StreamKind, WORKER_STATES } from '../schemas/states.js';
import { VERSION } from '../version.js';
import { FEED_METRICS } from './feed-metrics.js';
import { ReadHistogram } from './read-histogram.js';

/** How long a scrape waits for the hosts' counters before it serves the last that it has. */
const REFRESH_MS = 100;

/** After a rendering, so many times as long nothing is rendered; but a scrape never waits longer than this for it. */
const RESTS = 4;
const MOST_REST_MS = 4_000;

/** Buckets of the service's own requests: from an answer out of memory to a start or stop that takes its time. */
const HTTP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The text of /metrics. What groups have counted is read at the moment of the scrape, never kept here. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #coordinator: Coordinator;
  readonly #http: Histogram<'method' | 'route' | 'status_code'>;
  readonly #streams: Gauge<'stream'>;
  readonly #streamsCut: Counter<'stream'>;
  #rendering: Promise<string> | undefined;
  /** By the clock of `performance`. */
  #restUntil = 0;

  /** @param droppedLogLines of the service's own log */
  constructor(coordinator: Coordinator, droppedLogLines: () => number = () => 0) {
    this.#coordinator = coordinator;
    this.#http = new Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time from a request to the end of its answer.',
      labelNames: ['method', 'route', 'status_code'],
      buckets: HTTP_BUCKETS,
      registers: [this.#registry],
    });
    const streams = { labelNames: ['stream' as const], registers: [this.#registry] };
    this.#streams = new Gauge({ name: 'http_streams', help: 'Streams that are open.', ...streams });
    this.#streamsCut = new Counter({
      name: 'http_streams_cut_total',
      help: 'Streams that were cut off because their client read too slowly.',
      ...streams,
    });
    for (const stream of STREAM_KINDS) {
      this.#streams.set({ stream }, 0);
      this.#streamsCut.inc({ stream }, 0);
    }
    this.#addGroupMetrics();
    this.#addProcessMetrics(droppedLogLines);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  observeRequest(method: string, route: string, statusCode: number, seconds: number): void {
    this.#http.observe({ method, route, status_code: statusCode }, seconds);
  }

  streamOpened(stream: StreamKind): void {
    this.#streams.inc({ stream });
  }

  streamClosed(stream: StreamKind, cut: boolean): void {
    this.#streams.dec({ stream });
    if (cut) this.#streamsCut.inc({ stream });
  }

  /**
   * Scrapes that come at the same time share one rendering. The next begins only after a rest: whoever scrapes without
   * end, and nobody is asked for a token here, leaves most of the time to others.
   */
  render(): Promise<string> {
    this.#rendering ??= this.#render().finally(() => {
      this.#rendering = undefined;
    });
    return this.#rendering;
  }

  async #render(): Promise<string> {
    const rest = this.#restUntil - performance.now();
    if (rest > 0) await sleep(rest);
    await this.#coordinator.refresh(REFRESH_MS);
    const before = performance.now();
    const text = await this.#registry.metrics();
    const after = performance.now();
    this.#restUntil = after + Math.min(RESTS * (after - before), MOST_REST_MS);
    return text;
  }

  #addGroupMetrics(): void {
    const coordinator = this.#coordinator;
    const registers = [this.#registry];
    const readings = () =>
      coordinator.list().map((group) => {
        const { seconds, buckets } = group.totals();
        return { labels: { group: group.name }, bounds: group.bounds, buckets, sum: seconds };
      });
    this.#registry.registerMetric(
      new ReadHistogram(
        'worker_time_seconds',
        'Duration of the calls of the worker function, failed ones and waits in ctx.put included.',
        readings,
      ),
    );

    /** Metrics that are set anew from every group at each scrape. */
    const gauge = (
      name: string,
      help: string,
      labels: string[],
      set: (metric: Gauge<string>, group: Group) => void,
    ) =>
      new Gauge({
        name,
        help,
        labelNames: ['group', ...labels],
        registers,
        collect() {
          this.reset();
          for (const group of coordinator.list()) set(this, group);
        },
      });
    const counter = (
      name: string,
      help: string,
      labels: string[],
      set: (metric: Counter<string>, group: Group) => void,
    ) =>
      new Counter({
        name,
        help,
        labelNames: ['group', ...labels],
        registers,
        collect() {
          this.reset();
          for (const group of coordinator.list()) set(this, group);
        },
      });
    const worker = ({ name: group }: Group, { id }: WorkerStatus) => ({ group, worker: String(id) });

    counter(
      'worker_iterations_total',
      'Finished calls of the worker function.',
      ['worker', 'result'],
      (metric, group) => {
        for (const status of group.workers()) {
          const { errors } = status.counters;
          metric.inc({ ...worker(group, status), result: 'ok' }, iterations(status.counters) - errors);
          metric.inc({ ...worker(group, status), result: 'error' }, errors);
        }
      },
    );
    gauge(
      'worker_last_progress_timestamp_seconds',
      'When the last call of the worker ended; before that, when its loop began.',
      ['worker'],
      (metric, group) => {
        for (const status of group.workers()) {
          if (status.progressAt > 0) metric.set(worker(group, status), status.progressAt / 1000);
        }
      },
    );
    gauge('worker_group_state', 'State of the group: 1 for the present one.', ['state'], (metric, group) => {
      for (const state of GROUP_STATES)
        metric.set({ group: group.name, state }, state === group.state ? 1 : 0);
    });
    gauge('worker_group_workers', 'Workers of the group by state.', ['state'], (metric, group) => {
      const workers = group.workers();
      for (const state of WORKER_STATES) {
        metric.set({ group: group.name, state }, workers.filter((status) => status.state === state).length);
      }
    });
    counter(
      'worker_restarts_total',
      'Restarts by the policy, of workers alone and of the group, by what they came after.',
      ['reason'],
      (metric, { name, record }) => {
        for (const [reason, count] of record.restarts) metric.inc({ group: name, reason }, count);
      },
    );
    const counted: [name: string, help: string, read: (group: Group) => number][] = [
      [
        'worker_killed_total',
        'Workers that were killed: they did not end, they stalled, or their host had to be.',
        ({ record }) => record.killed,
      ],
      [
        'worker_stalls_total',
        'Calls that took longer than iterationTimeoutSeconds.',
        ({ record }) => record.stalls,
      ],
      [
        'worker_log_lines_dropped_total',
        'Log lines that were dropped because they were too many.',
        (group) => group.totals().droppedLines + group.record.droppedLines,
      ],
      [
        'worker_messages_dropped_total',
        'Messages to parentPort, where nobody listens, that were dropped.',
        (group) => group.totals().droppedMessages,
      ],
    ];
    for (const [name, help, read] of counted)
      counter(name, help, [], (metric, group) => metric.inc({ group: group.name }, read(group)));
    for (const { kind, name, help, read } of FEED_METRICS) {
      const set = (metric: Gauge<string> | Counter<string>, group: Group) => {
        if (group.hasFeed) metric.inc({ group: group.name }, read(group));
      };
      if (kind === 'gauge') gauge(name, help, [], set);
      else counter(name, help, [], set);
    }
    gauge(
      'worker_group_interval_seconds',
      'The least time between the starts of two calls of a worker: intervalSeconds of the spec.',
      [],
      (metric, group) => metric.set({ group: group.name }, group.spec.intervalSeconds),
    );
    gauge('worker_group_memory_bytes', 'Resident memory of the group host.', [], (metric, group) =>
      metric.set({ group: group.name }, group.memoryBytes),
    );
    counter('worker_group_cpu_seconds_total', 'Processor time of the group hosts.', [], (metric, group) =>
      metric.inc({ group: group.name }, group.cpuSeconds),
    );
  }

  #addProcessMetrics(droppedLogLines: () => number): void {
    new Counter({
      name: 'service_log_lines_dropped_total',
      help: "Lines of the service's own log that were dropped because nobody read its standard output.",
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(droppedLogLines());
      },
    });
    new Gauge({
      name: 'parallel_workers_build_info',
      help: 'Version of the service and of the Node that runs it.',
      labelNames: ['version', 'node'],
      registers: [this.#registry],
    }).set({ version: VERSION, node: process.version }, 1);
    collectDefaultMetrics({ register: this.#registry });
    for (const { name } of this.#registry.getMetricsAsArray()) {
      // Names and types that promtool objects to, and internals of Node that nobody asked for.
      if (name.startsWith('nodejs_') && !name.startsWith('nodejs_eventloop_lag'))
        this.#registry.removeSingleMetric(name);
    }
  }
}
