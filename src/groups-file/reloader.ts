import { basename } from 'node:path';
import type { Coordinator } from '../coordinator/coordinator.js';
import { ProblemError } from '../errors.js';
import type { ReloadReport } from '../schemas/reload-report.js';
import { applyPlan, type Outcome } from './apply-plan.js';
import { type LoadedGroups, type LoadOptions, loadGroupsFile } from './load.js';
import { describeMistake } from './mistake.js';
import { type PresentGroup, planReload } from './reload-plan.js';

/** Mistakes that are told in a sentence; `errors` has all of them. */
const TOLD = 5;

export interface ReloaderOptions extends LoadOptions {
  /** Path of the groups file; without one there is nothing to reload. */
  readonly file: string | undefined;
  readonly coordinator: Coordinator;
}

type Mode = 'reload' | 'dryRun';

/** Brings the groups in line with the groups file: at the start of the service, and whenever it is asked to. */
export class Reloader {
  readonly #options: ReloaderOptions;
  #last: Promise<unknown> = Promise.resolve();
  /** Turns that have not begun: they will read the file as it is then, so that whoever asks meanwhile may share them. */
  readonly #waiting = new Map<Mode, Promise<ReloadReport>>();

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /** Path of the groups file, if the service has one. */
  get file(): string | undefined {
    return this.#options.file;
  }

  /**
   * For the start of the service: registers the groups of the file, changes and forgets those that came from it
   * before. Starts nothing: what has `autostart` starts with the service. Undefined without a groups file.
   * @throws ProblemError groups_file_invalid
   */
  async load(): Promise<ReloadReport | undefined> {
    const { file } = this;
    if (file === undefined) return undefined;
    return this.#queued(() => this.#run(file, { dryRun: false, start: false }));
  }

  /**
   * Reads the file again and does what it says; the answer comes when that is done. Reloads come one after the other.
   * @param dryRun only tells what would be done
   * @throws ProblemError no_groups_file, groups_file_invalid, shutting_down; nothing was changed then
   */
  async reload(dryRun = false): Promise<ReloadReport> {
    const { file } = this;
    if (file === undefined) {
      const detail =
        'The service was started without a groups file. Start it with --groups FILE (PW_GROUPS_FILE).';
      throw new ProblemError('no_groups_file', detail);
    }
    const mode: Mode = dryRun ? 'dryRun' : 'reload';
    const shared = this.#waiting.get(mode);
    if (shared !== undefined) return shared;
    const turn = this.#queued(() => {
      this.#waiting.delete(mode);
      return this.#run(file, { dryRun, start: true });
    });
    this.#waiting.set(mode, turn);
    return turn;
  }

  #queued(run: () => Promise<ReloadReport>): Promise<ReloadReport> {
    const turn = this.#last.then(run);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #run(file: string, { dryRun, start }: { dryRun: boolean; start: boolean }): Promise<ReloadReport> {
    const { coordinator } = this.#options;
    const loaded = await loadGroupsFile(file, this.#options);
    if (coordinator.closing)
      throw new ProblemError('shutting_down', 'The service is shutting down and takes no commands.');
    if (loaded.mistakes.length > 0) throw invalid(file, loaded);
    const planned = planReload(loaded.specs, coordinator.list().filter(stays).map(present));
    const outcomes: ReadonlyMap<string, Outcome> = dryRun
      ? new Map()
      : await applyPlan(planned, coordinator, { start });
    const groups = planned.map(({ name, action, changes, starts, reason }) => ({
      name,
      action,
      changes: [...changes],
      starts: starts && start,
      ...(outcomes.get(name) ?? { success: action !== 'conflict', reason }),
    }));
    const success = groups.every((group) => group.success);
    return { success, dryRun, groups, warnings: [...loaded.warnings] };
  }
}

function stays({ removing }: { removing: boolean }): boolean {
  return !removing;
}

function present(group: ReturnType<Coordinator['get']>): PresentGroup {
  const { name, spec, origin, incarnation } = group;
  return { name, spec, origin, runningSpec: incarnation?.spec, atWork: group.shouldRun };
}

function invalid(file: string, { mistakes }: LoadedGroups): ProblemError {
  const told = mistakes.slice(0, TOLD).map((mistake) => describeMistake(basename(file), mistake));
  if (mistakes.length > told.length) told.push(`and ${mistakes.length - told.length} more`);
  const detail = `The groups file is not valid, and nothing was changed. ${told.join('; ')}`;
  return new ProblemError('groups_file_invalid', detail, { errors: [...mistakes] });
}
