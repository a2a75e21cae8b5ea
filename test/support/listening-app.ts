import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type App, type AppOptions, buildApp } from '#dist/app.js';
import { exchange, type HeaderLines, type RawAnswer, rawRequest } from './raw-http.js';
import { type Answer, answer, MODULES } from './service.js';

/** The real app, in the process of the test, behind a real socket. */
export interface ListeningApp {
  readonly app: App;
  readonly port: number;
  readonly url: string;
  fetch(method: string, path: string, headers?: Record<string, string>, body?: string): Promise<Answer>;
  /** A request with exactly these headers. */
  raw(method: string, target: string, headers: HeaderLines, body?: string): Promise<RawAnswer>;
  /** Names of the groups that there are, and what is desired of them: what a refused request must not change. */
  groups(): string[];
}

/** Builds the app and has it listen on a free port of loopback; it ends with the test. */
export async function listeningApp(t: TestContext, options: Partial<AppOptions> = {}): Promise<ListeningApp> {
  const app = await buildApp({ workersDir: MODULES, maxWorkers: 16, maxGroups: 64, ...options });
  t.after(() => app.server.close());
  await app.server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    port,
    url,
    fetch: async (method, path, headers = {}, body) =>
      answer(await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })),
    raw: (method, target, headers, body) => exchange(t, { port }, rawRequest(method, target, headers, body)),
    groups: () => app.coordinator.list().map(({ name, desired, state }) => `${name} ${desired} ${state}`),
  };
}
