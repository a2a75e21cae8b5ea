import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { temporaryDirectory } from './temporary.js';

/** Files by path, and what is in them. */
export type Files = Readonly<Record<string, string>>;

/** A workers directory of these files, which goes with the test. */
export function workersDir(t: TestContext, files: Files = {}): string {
  const directory = temporaryDirectory(t);
  writeFiles(directory, files);
  return directory;
}

export function writeFiles(directory: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** A worker module that iterates about a thousand times a second. */
export const ITERATES = 'export default async (_workerId, ctx) => { await ctx.sleep(0.001); };\n';
