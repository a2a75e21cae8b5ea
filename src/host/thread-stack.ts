import { Session } from 'node:inspector';

/** A thread that runs JavaScript answers in 25 to 40 ms; one that sits in a system call, or waits, never does. */
const ANSWER_MS = 300;
const MAX_FRAMES = 10;

interface CallFrame {
  functionName: string;
  url: string;
  location: { lineNumber: number; columnNumber: number };
}

/**
 * The stack of a thread of this process that is busy, as lines of `function (file:line:column)`, the innermost first;
 * undefined when none can be had. The thread is held for a moment, in the middle of whatever loop it is in, by the
 * same means that a debugger has.
 */
export async function stackOfThread(threadId: number): Promise<string | undefined> {
  const session = new Session();
  session.connect();
  try {
    return await new Promise((resolve) => {
      const timer = setTimeout(resolve, ANSWER_MS, undefined);
      const answer = (frames: readonly CallFrame[]) => {
        clearTimeout(timer);
        resolve(frames.length === 0 ? undefined : describeFrames(frames));
      };
      askForStack(session, threadId, answer);
    });
  } finally {
    session.disconnect();
  }
}

function askForStack(
  session: Session,
  threadId: number,
  answer: (frames: readonly CallFrame[]) => void,
): void {
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
    const { method, params } = JSON.parse(message) as {
      method?: string;
      params: { callFrames: CallFrame[]; scriptId: string; url: string };
    };
    if (method === 'Debugger.scriptParsed') urls.set(params.scriptId, params.url);
    if (method !== 'Debugger.paused') return;
    // A thread that is held cannot be ended: it has to go on first.
    tell(sessionId, 'Debugger.resume');
    tell(sessionId, 'Debugger.disable');
    session.post('NodeWorker.detach', { sessionId }, () => {});
    answer(params.callFrames);
  });
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, () => {});
}

function describeFrames(frames: readonly CallFrame[]): string {
  return frames
    .slice(0, MAX_FRAMES)
    .map(({ functionName, url, location }) => {
      const place = `${url.replace(/^file:\/\//, '')}:${location.lineNumber + 1}:${location.columnNumber + 1}`;
      return functionName === '' ? `    at ${place}` : `    at ${functionName} (${place})`;
    })
    .join('\n');
}
