import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { parse } from 'yaml';
import { answer, ROOT, until } from './service.js';
import { temporaryDirectory } from './temporary.js';

/** Prometheus looks at its targets for the first time after 5 s; the rest is for a slow machine. */
const ANSWER_SECONDS = 60;

/** Between two scrapes, and two evaluations of rules: tests have no time for the usual ones. */
const INTERVAL = '500ms';

/** One series of an answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus that scrapes the service with the configuration that we ship, for the length of the test. */
export class Prometheus {
  readonly #url: string;

  private constructor(url: string) {
    this.#url = url;
  }

  static async start(t: TestContext, serviceUrl: string): Promise<Prometheus> {
    let end = async () => {};
    t.after(() => end()); // Registered first and so run first: it still writes into its directory.
    const directory = temporaryDirectory(t);
    const config = join(directory, 'prometheus.yml');
    // JSON is YAML.
    writeFileSync(config, JSON.stringify(shippedConfiguration(new URL(serviceUrl).host)));
    const flags = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ];
    const child = spawn('prometheus', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
    end = async () => {
      const exited = once(child, 'exit');
      if (child.kill('SIGKILL')) await exited;
    };
    const log: string[] = [];
    const address = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`prometheus ended with ${code}:\n${log.join('\n')}`)));
      createInterface({ input: child.stderr }).on('line', (line) => {
        log.push(line);
        const [, found] = /msg="Listening on".* address=(\S+)/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    return new Prometheus(`http://${address}`);
  }

  /** What the API answers; undefined as long as it has not read its storage. */
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer, it asserts.
  async get(path: string): Promise<any> {
    const { status, body } = await answer(await fetch(`${this.#url}/api/v1/${path}`));
    if (status === 503) return undefined; // It listens before that.
    assert.equal(status, 200, JSON.stringify(body));
    return body.data;
  }

  /** All series that a query gives. */
  async query(query: string): Promise<readonly Sample[]> {
    return (await this.get(`query?${new URLSearchParams({ query })}`))?.result ?? [];
  }

  /** The value of a query whose answer is one series; undefined as long as there is none, or it is not a number. */
  async value(query: string): Promise<number | undefined> {
    const result = await this.query(query);
    assert(result.length <= 1, `${query} gave more than one series: ${JSON.stringify(result)}`);
    const value = Number(result[0]?.value[1]);
    return Number.isNaN(value) ? undefined : value;
  }

  /** Waits until the query's value is above a bound, and returns it. */
  async above(bound: number, query: string): Promise<number> {
    return until(
      `Prometheus to answer ${query} with more than ${bound}`,
      async () => {
        const value = await this.value(query);
        return value !== undefined && value > bound ? value : undefined;
      },
      ANSWER_SECONDS,
    );
  }
}

/** What is in deploy/prometheus, but for the target and the time it takes. */
function shippedConfiguration(target: string) {
  const directory = join(ROOT, 'deploy/prometheus');
  const config = parse(readFileSync(join(directory, 'prometheus.yml'), 'utf8'));
  const [job] = config.scrape_configs;
  return {
    ...config,
    global: { scrape_interval: INTERVAL, scrape_timeout: INTERVAL, evaluation_interval: INTERVAL },
    rule_files: config.rule_files.map((file: string) => join(directory, file)),
    scrape_configs: [{ ...job, static_configs: [{ targets: [target] }] }],
  };
}
