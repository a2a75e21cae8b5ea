import type { ProblemError } from '../errors.js';
import type { GroupSpec } from '../schemas/group-spec.js';
import { bounded, byPlace, type Mistake } from './mistake.js';
import { type FileLimits, type ModuleMention, type ParsedGroups, parseGroups } from './parse.js';
import { readText, UnreadableFile } from './read-text.js';

export interface LoadOptions {
  readonly limits?: FileLimits;
  /** Finds a worker module; throws a ProblemError that says what is wrong with the path. Without it none is looked for. */
  readonly resolveModule?: ((path: string) => Promise<unknown>) | undefined;
  /** Parses the text; right here by default. */
  readonly parse?: (text: string, limits: FileLimits) => ParsedGroups | Promise<ParsedGroups>;
}

/** A groups file that was read and checked. */
export interface LoadedGroups {
  /** The specs, in the order of the file; none when there is a mistake. */
  readonly specs: readonly GroupSpec[];
  /** Every mistake, in the order of the file. */
  readonly mistakes: readonly Mistake[];
  /** What may be meant, and may be a typing error. */
  readonly warnings: readonly Mistake[];
}

/** Reads a groups file and finds every mistake that can be seen without its groups. Never throws for what is in it. */
export async function loadGroupsFile(path: string, options: LoadOptions = {}): Promise<LoadedGroups> {
  const { limits = {}, resolveModule, parse = parseGroups } = options;
  let text: string;
  try {
    text = await readText(path);
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    return { specs: [], mistakes: [{ pointer: '', detail: error.message }], warnings: [] };
  }
  const { specs, modules, mistakes, warnings } = await parse(text, limits);
  if (resolveModule !== undefined) mistakes.push(...(await missing(modules, resolveModule)));
  if (mistakes.length > 0) return { specs: [], mistakes: bounded(mistakes.sort(byPlace)), warnings };
  return { specs, mistakes, warnings };
}

/** The modules that cannot be used. */
async function missing(
  modules: readonly ModuleMention[],
  resolveModule: (path: string) => Promise<unknown>,
): Promise<Mistake[]> {
  const known = new Map<string, string | undefined>();
  const mistakes: Mistake[] = [];
  for (const { path, ...place } of modules) {
    if (!known.has(path)) known.set(path, await problemOf(path, resolveModule));
    const problem = known.get(path);
    if (problem !== undefined)
      mistakes.push({ ...place, detail: `names no module that can be used: ${problem}` });
  }
  return mistakes;
}

async function problemOf(
  path: string,
  resolveModule: (path: string) => Promise<unknown>,
): Promise<string | undefined> {
  try {
    await resolveModule(path);
    return undefined;
  } catch (error) {
    return (error as ProblemError).message;
  }
}
