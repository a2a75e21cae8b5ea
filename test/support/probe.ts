import { type Service, until } from './service.js';

/** Tries things with `attempt` and tells once what came of each: what it returned, or the code of its error. */
const HEAD = `
import childProcess from 'node:child_process';
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';
const told = {};
const attempt = async (name, deed) => {
  try { told[name] = await deed(); } catch (error) { told[name] = error.code ?? error.message; }
};
export default async (_id, ctx) => {
  if (ctx.iteration > 0) return ctx.sleep(1);
`;

/** A worker module that makes these attempts, by name, and goes on. */
export function probe(attempts: Readonly<Record<string, string>>): string {
  const body = Object.entries(attempts).map(
    ([name, deed]) => `await attempt(${JSON.stringify(name)}, () => ${deed});`,
  );
  return `${HEAD}${body.join('\n')}\nctx.log.info('told', told);\n};\n`;
}

/** What came of the attempts of the group, which is started for it. */
export async function tellsOf(service: Service, name: string): Promise<Record<string, unknown>> {
  await service.start(name);
  const record = await until(`group ${name} to tell`, () =>
    service.log.find(({ msg, group }) => msg === 'told' && group === name),
  );
  return record['fields'] as Record<string, unknown>;
}
