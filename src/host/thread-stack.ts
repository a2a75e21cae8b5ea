import { Session } from 'node:inspector';

/** A thread that runs JavaScript answers in 25 to 40 ms; one that sits in a system call, or waits, never does. */
const ANSWER_MS = 300;
const MAX_FRAMES = 10;

interface CallFrame {
  functionName: string;
  location: { scriptId: string; lineNumber: number; columnNumber: number };
}

interface Message {
  method?: string;
  params: { callFrames: CallFrame[]; scriptId: string; url: string };
}

/**
 * The stack of a thread of this process that is busy, as Node writes the stack of an error; undefined when none can be
 * had. The thread is held for a moment, in the middle of whatever loop it is in, by the
 * same means that a debugger has.
 */
export async function stackOfThread(threadId: number): Promise<string | undefined> {
  const session = new Session();
  session.connect();
  try {
    return await new Promise((resolve) => {
      const timer = setTimeout(resolve, ANSWER_MS, undefined);
      askForStack(session, threadId, (lines) => {
        clearTimeout(timer);
        resolve(lines.length === 0 ? undefined : lines.join('\n'));
      });
    });
  } finally {
    session.disconnect();
  }
}

function askForStack(session: Session, threadId: number, answer: (lines: string[]) => void): void {
  let messages = 0;
  const tell = (sessionId: string, method: string) => {
    const message = JSON.stringify({ id: ++messages, method });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message }, () => {});
  };
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId, workerInfo } }) => {
    // The title begins with Node's number of the thread: `[worker 3] ...`.
    if (!workerInfo.title.startsWith(`[worker ${threadId}]`)) return;
    tell(sessionId, 'Debugger.enable');
    tell(sessionId, 'Debugger.pause');
  });
  const urls = new Map<string, string>();
  session.on('NodeWorker.receivedMessageFromWorker', ({ params: { sessionId, message } }) => {
    const { method, params } = JSON.parse(message) as Message;
    if (method === 'Debugger.scriptParsed') urls.set(params.scriptId, params.url);
    if (method !== 'Debugger.paused') return;
    // A thread that is held cannot be ended: it has to go on first.
    tell(sessionId, 'Debugger.resume');
    tell(sessionId, 'Debugger.disable');
    session.post('NodeWorker.detach', { sessionId }, () => {});
    // Node's own frames on top mean that user code waits for something.
    const first = params.callFrames.findIndex(({ location }) => !isOfNode(urls.get(location.scriptId)));
    const frames = first === -1 ? [] : params.callFrames.slice(first, first + MAX_FRAMES);
    answer(frames.map((frame) => describe(frame, urls)));
  });
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, () => {});
}

function isOfNode(url: string | undefined): boolean {
  return url === undefined || url === '' || url.startsWith('node:');
}

function describe({ functionName, location }: CallFrame, urls: ReadonlyMap<string, string>): string {
  const file = urls.get(location.scriptId)?.replace(/^file:\/\//, '') ?? '';
  const place = `${file}:${location.lineNumber + 1}:${location.columnNumber + 1}`;
  return functionName === '' ? `    at ${place}` : `    at ${functionName} (${place})`;
}
