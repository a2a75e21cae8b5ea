import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Dies with an answer of which it has read the beginning. */
export const DIES = `
import os, signal, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"POST /take?max=2 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n")
s.recv(100_000)
os.kill(os.getpid(), signal.SIGKILL)`;

/** Goes again and again, with an answer that it has read in part, or not at all; until there is nobody to ask. */
export const GOES = `
import select, socket, sys
for i in range(int(sys.argv[2])):
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(sys.argv[1])
        s.sendall(b"POST /take?max=20&waitSeconds=1 HTTP/1.1\\r\\nhost: x\\r\\ncontent-length: 0\\r\\n\\r\\n")
        select.select([s], [], [])
        s.recv(i % 3 * 25)
    except OSError:
        break
    finally:
        s.close()`;

/** So often that the feed ends first. */
export const ENDLESS = '1000000000';

/** Returns the exit code, or the signal. */
export async function runPython(script: string, ...args: string[]): Promise<unknown> {
  const child = spawn('python3', ['-c', script, ...args], { stdio: 'inherit' });
  const [code, signal] = await once(child, 'exit');
  return code ?? signal;
}
