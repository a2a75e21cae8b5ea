import { Session } from 'node:inspector';
import { deferred } from '../deferred.js';

/** A thread that runs JavaScript answers in 25 to 40 ms; one that sits in a system call, or waits, never does. */
const ANSWER_MS = 300;
/** A thread that waits, or was held until now, hears at once that nobody asks any more; one in a system call does not. */
const RELEASE_MS = 100;
const MAX_FRAMES = 10;

interface CallFrame {
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber: number };
}

interface Message {
  id?: number;
  method?: string;
  params: { callFrames: CallFrame[]; scriptId: string; url: string };
}

/**
 * The stack of a thread of this process that is busy, as Node writes the stack of an error; undefined when none can be
 * had. The thread is held for a moment, in the middle of whatever loop it is in, by the same means that a debugger has.
 */
export async function stackOfThread(threadId: number): Promise<string | undefined> {
  const session = new Session();
  try {
    session.connect();
  } catch {
    // The first versions with a permission fence let nobody inside of it connect.
    return undefined;
  }
  try {
    const question = new Question(session, threadId);
    const lines = await within(ANSWER_MS, question.lines);
    // A thread that is held, or is to be at its next statement, cannot be ended.
    await within(RELEASE_MS, question.release());
    return lines === undefined || lines.length === 0 ? undefined : lines.join('\n');
  } finally {
    session.disconnect();
  }
}

/** Asks one thread where it is. */
class Question {
  readonly #session: Session;
  readonly #lines = deferred<string[]>();
  readonly #released = deferred<void>();
  readonly #urls = new Map<string, string>();
  #sessionId: string | undefined;
  #messages = 0;
  #lastWord = 0;

  constructor(session: Session, threadId: number) {
    this.#session = session;
    session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
      // The title begins with Node's number of the thread: `[worker 3] ...`.
      if (!workerInfo.title.startsWith(`[worker ${threadId}]`)) return;
      this.#sessionId = sessionId;
      this.#tell('Debugger.enable');
      this.#tell('Debugger.pause');
    });
    session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
      if (params.sessionId === this.#sessionId) this.#hear(JSON.parse(params.message) as Message);
    });
    session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, () => {});
  }

  /** Where it is, a line a frame, the innermost first. */
  get lines(): Promise<string[]> {
    return this.#lines.promise;
  }

  /** Lets the thread go; resolves when it has heard of it. */
  release(): Promise<void> {
    if (this.#sessionId === undefined) return Promise.resolve();
    this.#tell('Debugger.resume');
    this.#lastWord = this.#tell('Debugger.disable');
    return this.#released.promise;
  }

  #tell(method: string): number {
    const id = ++this.#messages;
    const params = { sessionId: this.#sessionId ?? '', message: JSON.stringify({ id, method }) };
    this.#session.post('NodeWorker.sendMessageToWorker', params, () => {});
    return id;
  }

  #hear({ id, method, params }: Message): void {
    if (id !== undefined && id === this.#lastWord) this.#released.resolve();
    if (method === 'Debugger.scriptParsed') this.#urls.set(params.scriptId, params.url);
    if (method !== 'Debugger.paused') return;
    // Node's own frames on top mean that user code waits for something.
    const first = params.callFrames.findIndex(({ location }) => !this.#isOfNode(location.scriptId));
    const frames = first === -1 ? [] : params.callFrames.slice(first, first + MAX_FRAMES);
    this.#lines.resolve(frames.map((frame) => this.#describe(frame)));
  }

  #isOfNode(scriptId: string): boolean {
    const url = this.#urls.get(scriptId) ?? '';
    return url === '' || url.startsWith('node:');
  }

  #describe({ functionName, location }: CallFrame): string {
    const file = this.#urls.get(location.scriptId)?.replace(/^file:\/\//, '') ?? '';
    const place = `${file}:${location.lineNumber + 1}:${location.columnNumber + 1}`;
    return functionName === '' ? `    at ${place}` : `    at ${functionName} (${place})`;
  }
}

/** What the promise resolves to, or undefined when that takes longer. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
