import { Ajv, type ValidateFunction } from 'ajv';
import { cycleMistake, specMistakes } from '../coordinator/spec-rules.js';
import { findCycle } from '../coordinator/start-order.js';
import { GroupRegistration, type GroupSpec } from '../schemas/group-spec.js';
import { fieldError, VALIDATION_RULES, type ValidationFailure } from '../schemas/validation.js';
import { bounded, byPlace, type Mistake, type Position } from './mistake.js';
import { readYaml } from './yaml-document.js';

/** What a file may ask for; what is left out is not known, and not checked. */
export interface FileLimits {
  readonly maxWorkers?: number | undefined;
  readonly maxGroups?: number | undefined;
}

/** A path of a module that a file names, with its place. */
export interface ModuleMention extends Position {
  readonly path: string;
  readonly pointer: string;
}

/** What the text of a groups file says. Plain data, so that it passes from one thread to another. */
export interface ParsedGroups {
  /** Whole specs, defaults filled in, in the order of the file. Only to be used when there is no mistake. */
  readonly specs: GroupSpec[];
  readonly modules: ModuleMention[];
  readonly mistakes: Mistake[];
  /** What may be meant, and may be a typing error. */
  readonly warnings: Mistake[];
}

/** Reads the text of a groups file, YAML or JSON, and finds every mistake that can be seen in it alone. */
export function parseGroups(text: string, limits: FileLimits = {}): ParsedGroups {
  const document = readYaml(text);
  const { value, locate } = document;
  const place = (mistakes: readonly Mistake[]) =>
    bounded(mistakes).map((mistake) =>
      mistake.line === undefined && mistake.pointer !== ''
        ? { ...mistake, ...locate(mistake.pointer) }
        : mistake,
    );
  // Where the text is not what it seems, what follows from it would only mislead.
  if (document.mistakes.some(({ pointer }) => pointer === '')) return failed(place(document.mistakes));
  const entries = groupsOf(value);
  if ('detail' in entries) return failed(place([...document.mistakes, entries]));
  const { groups } = entries;
  const found = check(groups, limits);
  const known = document.mistakes.map(({ pointer }) => pointer);
  const mistakes = found.mistakes.filter(({ pointer }) => !known.some((other) => isWithin(pointer, other)));
  return {
    specs: groups as GroupSpec[],
    modules: found.modules.map((module) => ({ ...module, ...locate(module.pointer) })),
    mistakes: place([...document.mistakes, ...mistakes]).sort(byPlace),
    warnings: place(found.warnings),
  };
}

function failed(mistakes: Mistake[]): ParsedGroups {
  return { specs: [], modules: [], mistakes, warnings: [] };
}

/** The entries of the file, or what is wrong with its outermost shape. */
function groupsOf(value: unknown): { groups: unknown[] } | Mistake {
  // Whoever means no groups says so: the file of a write that went wrong is empty, too.
  if (value === undefined || value === null)
    return { pointer: '', detail: 'is empty: write "groups: []" for no groups' };
  if (!isRecord(value))
    return { pointer: '', detail: 'must have "groups:" at the top, with a list of specs' };
  const unknown = Object.keys(value).find((key) => key !== 'groups');
  if (unknown !== undefined)
    return fieldError({
      instancePath: '',
      keyword: 'additionalProperties',
      params: { additionalProperty: unknown },
    });
  if (!Object.hasOwn(value, 'groups'))
    return { pointer: '', detail: 'must have "groups:", with a list of specs' };
  const { groups } = value as { groups: unknown };
  if (Array.isArray(groups)) return { groups };
  return { pointer: '/groups', detail: 'must be a list of specs; "groups: []" for no groups' };
}

/** Checks each entry by itself, fills in its defaults, and then looks at all of them together. */
function check(groups: readonly unknown[], { maxWorkers, maxGroups }: FileLimits) {
  const validate = registrationCheck();
  const mistakes: Mistake[] = [];
  const warnings: Mistake[] = [];
  const modules: { path: string; pointer: string }[] = [];
  if (maxGroups !== undefined && groups.length > maxGroups) {
    const detail = `has ${groups.length} groups, and this service takes ${maxGroups} (PW_MAX_GROUPS)`;
    mistakes.push({ pointer: '/groups', detail });
  }
  const first = new Map<string, number>();
  const whole: { spec: GroupSpec; pointer: string }[] = [];
  groups.forEach((group, i) => {
    const at = `/groups/${i}`;
    const valid = validate(group);
    const found = valid
      ? specMistakes(group as GroupSpec, maxWorkers)
      : (validate.errors ?? []).map((failure) => fieldError(failure as ValidationFailure));
    mistakes.push(...found.map((mistake) => ({ ...mistake, pointer: at + mistake.pointer })));
    if (!isRecord(group)) return;
    modules.push(...modulesOf(group, at));
    const { name } = group;
    if (typeof name !== 'string') return;
    const other = first.get(name);
    if (other !== undefined)
      mistakes.push({ pointer: `${at}/name`, detail: `is taken: /groups/${other} is "${name}", too` });
    else first.set(name, i);
    if (valid && other === undefined) whole.push({ spec: group as GroupSpec, pointer: at });
  });
  mistakes.push(...cycles(whole));
  for (const { spec, pointer } of whole) {
    spec.after.forEach((name, i) => {
      if (first.has(name)) return;
      const detail = `names "${name}", which is not in this file: this group cannot start before somebody registers that one over REST`;
      warnings.push({ pointer: `${pointer}/after/${i}`, detail });
    });
  }
  return { mistakes, warnings, modules };
}

let compiled: ValidateFunction | undefined;

/** The check of POST /v1/groups. Made when it is needed: that takes longer than to check a file. */
function registrationCheck(): ValidateFunction {
  compiled ??= new Ajv(VALIDATION_RULES).compile(GroupRegistration);
  return compiled;
}

function modulesOf({ module, loggers }: Record<string, unknown>, at: string) {
  const mentions = [{ path: module, pointer: `${at}/module` }];
  if (Array.isArray(loggers))
    mentions.push(...loggers.map((path: unknown, i) => ({ path, pointer: `${at}/loggers/${i}` })));
  return mentions.filter(
    (mention): mention is { path: string; pointer: string } =>
      typeof mention.path === 'string' && mention.path !== '',
  );
}

/** Cycles among the groups, each told once. */
function cycles(groups: readonly { spec: GroupSpec; pointer: string }[]): Mistake[] {
  // What can start is taken out first: what is left then are cycles and what comes after them.
  const left = new Map(groups.map(({ spec, pointer }) => [spec.name, { ...spec, pointer }]));
  let before: number;
  do {
    before = left.size;
    for (const [name, { after }] of left) if (!after.some((other) => left.has(other))) left.delete(name);
  } while (left.size < before);
  const told = new Set<string>();
  const mistakes: Mistake[] = [];
  for (const { name, pointer } of left.values()) {
    if (told.has(name)) continue;
    const cycle = findCycle([...left.values()], name);
    if (cycle === undefined) continue;
    for (const one of cycle) told.add(one);
    mistakes.push({ pointer: `${pointer}/after`, detail: cycleMistake(cycle) });
  }
  return mistakes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a pointer is at or below another. */
function isWithin(pointer: string, other: string): boolean {
  return pointer === other || pointer.startsWith(`${other}/`);
}
