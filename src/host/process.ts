import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Channel } from './channel.js';
import { GroupHost } from './group-host.js';
import type { HostCommand } from './protocol.js';

/**
 * Entry of a host process. Started by the control plane with its ends of the channel, the group's name, and the descriptors
 * that it has inherited and has to close.
 */

/** Descriptors of the channel's two ways. */
const [MESSAGES_FD, COMMANDS_FD] = [3, 4];

/** The control plane can be trusted; this is only a bound. */
const MAX_COMMAND_BYTES = 64 * 1024 * 1024;

process.title = `parallel-workers host ${process.argv[2] ?? ''}`;

// What the service itself was started with is no business of user code.
for (const fd of process.argv.slice(3)) {
  try {
    closeSync(Number(fd));
  } catch {
    // The service has closed it meanwhile.
  }
}

const host = new GroupHost(
  (message) => channel.send(message),
  () => void channel.flushed().then(() => process.exit(0)),
);

const ways = {
  incoming: new Socket({ fd: COMMANDS_FD, writable: false }),
  outgoing: new Socket({ fd: MESSAGES_FD, readable: false }),
};
const channel = new Channel(ways, MAX_COMMAND_BYTES, {
  message: (value) => host.handle(value as HostCommand),
  garbage: leave,
  closed: leave,
  deaf: leave,
});

/** The control plane is gone, however it went: nothing of this group stays behind. */
function leave(): void {
  process.kill(-process.pid, 'SIGKILL');
}
