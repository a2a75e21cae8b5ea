import { parentPort, Worker, workerData } from 'node:worker_threads';
import { type FileLimits, type ParsedGroups, parseGroups } from './parse.js';

/** So much takes some 10 ms right here; the start of a thread takes 100 to 300. */
const SMALL_CHARACTERS = 8 * 1024;

/**
 * A file of 1 MiB takes 1 to 4 s of a core, one of nothing but mistakes 13 s, and longer where others use the core as
 * well.
 */
const DEADLINE_MS = 60_000;

interface Task {
  readonly text: string;
  readonly limits: FileLimits;
}

/** Parses the text, a large one in a thread of its own: the parser takes a second and more for a megabyte. */
export function parseAside(text: string, limits: FileLimits): ParsedGroups | Promise<ParsedGroups> {
  return text.length <= SMALL_CHARACTERS ? parseGroups(text, limits) : parseInThread(text, limits);
}

/** Parses the text in a thread of its own, which holds up nobody. Never rejects. */
export function parseInThread(text: string, limits: FileLimits): Promise<ParsedGroups> {
  const task: Task = { text, limits };
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { groupsFile: task } });
    const end = (parsed: ParsedGroups) => {
      clearTimeout(timer);
      resolve(parsed);
      void worker.terminate();
    };
    const fail = (detail: string) =>
      end({ specs: [], modules: [], mistakes: [{ pointer: '', detail }], warnings: [] });
    const timer = setTimeout(
      () => fail(`could not be read within ${DEADLINE_MS / 1000} s: make it smaller`),
      DEADLINE_MS,
    ).unref();
    worker.once('message', end);
    worker.once('error', (error) => fail(`cannot be read: ${error.message}`));
    worker.once('exit', (code) => fail(`cannot be read: its thread ended with ${code}`));
  });
}

const task = (workerData as { groupsFile?: Task } | null)?.groupsFile;
if (task !== undefined) parentPort?.postMessage(parseGroups(task.text, task.limits));
