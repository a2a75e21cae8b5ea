import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type Victim, victimOf } from './fault-bench.js';
import { MODULES, type Service, startService, until } from './service.js';
import { workersDir, writeFiles } from './workers-dir.js';

/** A module of which every byte that it puts is known. */
export const FEEDS = readFileSync(`${MODULES}feeds.mjs`, 'utf8');

/** A service, and groups that each have one fault. */
export class FeedBench {
  readonly service: Service;
  readonly #directory: string;
  #faults = 0;

  private constructor(service: Service, directory: string) {
    this.service = service;
    this.#directory = directory;
  }

  static async start(t: TestContext): Promise<FeedBench> {
    const directory = workersDir(t);
    return new FeedBench(await startService(t, { workersDir: directory }), directory);
  }

  /** Runs `source` as the module of a new group. */
  async fault(
    source: string,
    spec: Record<string, unknown>,
    body: (victim: Victim) => Promise<void>,
  ): Promise<void> {
    const { service } = this;
    const name = `fault-${this.#faults++}`;
    writeFiles(this.#directory, { [`${name}.mjs`]: source });
    await service.register({ name, module: `${name}.mjs`, stopGraceSeconds: 1, ...spec });
    try {
      await body(victimOf(service, name));
    } finally {
      await service.call('DELETE', `/v1/groups/${name}`);
    }
  }
}

export const depthIs = (victim: Victim, depth: number) =>
  until(`a depth of ${depth}`, async () =>
    (await victim.service.status(victim.name)).feed.depth === depth ? true : undefined,
  );
